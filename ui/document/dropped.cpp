#include "ui/document/dropped.h"

#include <QDir>
#include <QDirIterator>
#include <QFileInfo>
#include <algorithm>
#include <vector>

#include "base/error.h"
#include "project/project.h"
#include "slide/slide.h"
#include "spatial/read.h"

namespace c2l::ui {
namespace {

constexpr int kMaxFiles = 400;  // a folder with more is not one section
constexpr int kMaxDepth = 3;    // sample/outs/spatial

std::filesystem::path to_path(const QString& s) { return std::filesystem::path(s.toStdString()); }

bool has_slide_suffix(const QString& name) {
    static const QStringList suffixes = {"svs", "tif", "tiff", "ndpi", "mrxs", "scn", "bif", "vms", "vmu", "svslide", "btf", "qptiff", "dcm", "jpg", "jpeg", "png"};
    return suffixes.contains(QFileInfo(name).suffix().toLower());
}

// Space Ranger keeps reduced images in spatial/: they are not the slide.
bool is_reduced_image(const QString& path) {
    const QString name = QFileInfo(path).fileName();
    return name.startsWith("tissue_hires") || name.startsWith("tissue_lowres") || name.startsWith("aligned_fiducials") ||
           name.startsWith("detected_tissue") || name.startsWith("aligned_tissue");
}

void list_files(const QString& folder, int depth, QStringList& folders, QStringList& files) {
    folders << folder;
    const QDir dir(folder);
    for (const QFileInfo& entry : dir.entryInfoList(QDir::Dirs | QDir::Files | QDir::NoDotAndDotDot | QDir::Readable, QDir::Name)) {
        if (files.size() >= kMaxFiles) return;
        if (entry.isFile()) files << entry.absoluteFilePath();
        else if (depth < kMaxDepth && !entry.fileName().endsWith(".c2l.d") && !entry.isSymLink())
            list_files(entry.absoluteFilePath(), depth + 1, folders, files);
    }
}

int common_prefix(const QString& a, const QString& b) {
    const int n = static_cast<int>(std::min(a.size(), b.size()));
    int i = 0;
    while (i < n && a[i].toLower() == b[i].toLower()) ++i;
    return i;
}

// The candidate whose file name begins most like the slide's; the first one when there is no slide.
QString closest(const QStringList& candidates, const QString& slide) {
    if (candidates.isEmpty()) return {};
    const QString stem = QFileInfo(slide).completeBaseName();
    return *std::max_element(candidates.begin(), candidates.end(), [&](const QString& a, const QString& b) {
        return common_prefix(QFileInfo(a).fileName(), stem) < common_prefix(QFileInfo(b).fileName(), stem);
    });
}

struct Candidates {
    QStringList slides, spots, counts, folders;  // folders: Space Ranger outputs
};

void sort_file(const QString& file, Candidates& found) {
    if (has_slide_suffix(file)) {
        if (!is_reduced_image(file)) found.slides << file;
        return;
    }
    if (const SpotFormat* format = recognise_spots(to_path(file))) (format->role == SpotRole::Counts ? found.counts : found.spots) << file;
}

// The outermost folder that holds spots and counts counts: Visium HD has one with bins of several sizes, of which its reader chooses.
void sort_folder(const QString& folder, Candidates& found) {
    const auto inside = [&](const QString& outer) { return folder.startsWith(outer + '/'); };
    if (std::any_of(found.folders.begin(), found.folders.end(), inside)) return;
    const SpotFormat* format = recognise_spots(to_path(folder));
    if (format && format->role == SpotRole::Both) found.folders << folder;
    else if (format && format->role == SpotRole::Counts) found.counts << folder;
}

// The largest readable slide; files that no reader takes are passed over.
QString choose_slide(QStringList slides, std::optional<double>& mpp, QString& problem) {
    std::stable_sort(slides.begin(), slides.end(), [](const QString& a, const QString& b) { return QFileInfo(a).size() > QFileInfo(b).size(); });
    for (const QString& candidate : slides) {
        try {
            mpp = probe_slide(to_path(candidate)).mpp;
            return candidate;
        } catch (const Error& e) {
            if (problem.isEmpty()) problem = QString::fromStdString(e.line());
        }
    }
    return {};
}

}  // namespace

ImportGuess recognise_dropped(const QStringList& paths) {
    ImportGuess guess;
    Candidates found;
    for (const QString& path : paths) {
        const QFileInfo info(path);
        if (!info.exists()) {
            guess.note = QObject::tr("%1 does not exist").arg(path);
        } else if (info.isFile() && Project::is_project(to_path(path))) {
            guess.project = info.absoluteFilePath();
            return guess;
        } else if (info.isFile()) {
            sort_file(info.absoluteFilePath(), found);
        } else {
            QStringList folders, files;
            list_files(info.absoluteFilePath(), 0, folders, files);
            for (const QString& folder : folders) sort_folder(folder, found);
            for (const QString& file : files) sort_file(file, found);
        }
    }
    QString problem;
    guess.slide = choose_slide(found.slides, guess.mpp, problem);
    if (!found.folders.isEmpty()) {
        guess.spots = found.folders.front();  // holds its own counts
    } else {
        guess.spots = closest(found.spots, guess.slide);
        guess.counts = closest(found.counts, guess.slide);
        const SpotFormat* format = guess.spots.isEmpty() ? nullptr : recognise_spots(to_path(guess.spots));
        if (format && format->role == SpotRole::Both) guess.counts.clear();  // an h5ad holds its own
    }
    if (!guess.empty()) guess.note = !problem.isEmpty() && guess.slide.isEmpty() ? problem : QString();
    else if (!problem.isEmpty()) guess.note = problem;
    else if (guess.note.isEmpty())
        guess.note = QObject::tr("No slide or spots recognised there; drop a slide, a Space Ranger folder, an h5ad, or ST tables");
    return guess;
}

}  // namespace c2l::ui
