#include "slide/stain_transform.h"

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>

#include "base/error.h"

namespace c2l {
namespace {

constexpr int kBlock = 8192;  // pixels at a time: what is between the steps stays in the nearest cache

const cv::Mat& log_table() {  // 256 values: ln((v + 1) / 256)
    static const cv::Mat table = [] {
        cv::Mat t(1, 256, CV_32F);
        for (int v = 0; v < 256; ++v) t.at<float>(0, v) = static_cast<float>(std::log((v + 1) / 256.0));
        return t;
    }();
    return table;
}

cv::Mat matrix(const std::array<float, 12>& rows) { return cv::Mat(3, 4, CV_32F, const_cast<float*>(rows.data())); }

cv::Matx33d matrix(const double (&m)[3][3]) { return {m[0][0], m[0][1], m[0][2], m[1][0], m[1][1], m[1][2], m[2][0], m[2][1], m[2][2]}; }

std::array<float, 12> rows_of(const cv::Matx33d& m, const cv::Vec3d& add = {0, 0, 0}) {
    std::array<float, 12> rows{};
    for (int r = 0; r < 3; ++r) {
        for (int c = 0; c < 3; ++c) rows[static_cast<std::size_t>(4 * r + c)] = static_cast<float>(m(r, c));
        rows[static_cast<std::size_t>(4 * r + 3)] = static_cast<float>(add[r]);
    }
    return rows;
}

}  // namespace

bool StainLook::needs_profile() const {
    const StainLook look = effective();
    return look.view == StainView::Macenko || look.view == StainView::Reinhard || look.own_vectors;
}

StainLook StainLook::effective() const {
    const bool single = view == StainView::Haematoxylin || view == StainView::Eosin || view == StainView::Residual;
    return {view, own_vectors && single, grey && single && view != StainView::Residual};
}

const std::vector<StainView>& stain_views() {
    static const std::vector<StainView> all{StainView::Original, StainView::Haematoxylin, StainView::Eosin, StainView::Residual, StainView::Macenko, StainView::Reinhard};
    return all;
}

std::string to_string(StainView view) {
    switch (view) {
        case StainView::Original: return "original";
        case StainView::Haematoxylin: return "haematoxylin";
        case StainView::Eosin: return "eosin";
        case StainView::Residual: return "residual";
        case StainView::Macenko: return "macenko";
        case StainView::Reinhard: return "reinhard";
    }
    return {};
}

std::optional<StainView> stain_view_from(const std::string& name) {
    const auto found = std::find_if(stain_views().begin(), stain_views().end(), [&](StainView view) { return to_string(view) == name; });
    return found == stain_views().end() ? std::nullopt : std::optional(*found);
}

StainTransform::StainTransform(const StainLook& wanted, const StainProfile* slide) {
    const StainLook look = wanted.effective();
    if (look.needs_profile() && !slide) throw Error(ErrorCode::BadInput, "this view needs the slide's own stain, which has not been estimated");
    if (look.view == StainView::Original) return;
    if (look.view == StainView::Reinhard) shiftStatistics(*slide, stain_target());
    else mixDensities(look, slide);
}

// The optical density to draw is a matrix times that of the slide.
void StainTransform::mixDensities(const StainLook& look, const StainProfile* slide) {
    const bool macenko = look.view == StainView::Macenko;
    const StainVectors vectors = macenko || look.own_vectors ? slide->vectors : standard_stain_vectors();
    const auto amounts = unmixing_rows(vectors);
    const auto product = [](const std::array<double, 3>& column, const std::array<double, 3>& row, double factor) {
        cv::Matx33d m;
        for (int r = 0; r < 3; ++r)
            for (int c = 0; c < 3; ++c) m(r, c) = factor * column[static_cast<std::size_t>(r)] * row[static_cast<std::size_t>(c)];
        return m;
    };
    if (macenko) {
        const StainProfile& target = stain_target();
        kind_ = Kind::Density;
        rows_ = rows_of(product(target.vectors.haematoxylin, amounts[0], target.amount[0] / slide->amount[0]) +
                        product(target.vectors.eosin, amounts[1], target.amount[1] / slide->amount[1]));
        return;
    }
    const std::size_t k = look.view == StainView::Haematoxylin ? 0 : look.view == StainView::Eosin ? 1 : 2;
    if (look.grey || k == 2) {  // from ln to grey levels: density d at 255 × (1 - d / 1.5)
        kind_ = Kind::Grey;
        rows_ = rows_of(product({1, 1, 1}, amounts[k], 255 / kGreyDensity / std::log(10.0)), {255, 255, 255});
    } else {
        kind_ = Kind::Density;
        rows_ = rows_of(product(k == 0 ? vectors.haematoxylin : vectors.eosin, amounts[k], 1));
    }
}

void StainTransform::shiftStatistics(const StainProfile& from, const StainProfile& to) {
    const cv::Matx33d lab = matrix(kLabOfLogLms), lms = matrix(kLmsOfRgb);
    cv::Matx33d scale = cv::Matx33d::zeros();
    cv::Vec3d shift;
    for (int k = 0; k < 3; ++k) {
        const auto i = static_cast<std::size_t>(k);
        scale(k, k) = to.sd[i] / from.sd[i];
        shift[k] = to.mean[i] - scale(k, k) * from.mean[i];
    }
    kind_ = Kind::LogLms;
    rows_ = rows_of(lab.inv() * scale * lab, lab.inv() * shift);
    to_lms_ = rows_of(lms * (1 / 256.0), lms * cv::Vec3d(1, 1, 1) * (1 / 256.0));
    to_rgb_ = rows_of(lms.inv() * 256.0, {-1, -1, -1});
}

void StainTransform::apply(Image& image) const {
    if (isIdentity()) return;
    const int pixels = static_cast<int>(image.rgb.size() / 3);
    cv::Mat before, between;
    for (int first = 0; first < pixels; first += kBlock) {
        cv::Mat rgb(1, std::min(kBlock, pixels - first), CV_8UC3, image.rgb.data() + static_cast<std::ptrdiff_t>(first) * 3);
        switch (kind_) {
            case Kind::Nothing: return;
            case Kind::Density:  // the matrix is the same for ln and for optical density
                cv::LUT(rgb, log_table(), before);
                cv::transform(before, between, matrix(rows_));
                cv::exp(between, between);
                between.convertTo(rgb, CV_8U, 256, -1);
                break;
            case Kind::Grey:
                cv::LUT(rgb, log_table(), before);
                cv::transform(before, between, matrix(rows_));
                between.convertTo(rgb, CV_8U);
                break;
            case Kind::LogLms:
                rgb.convertTo(before, CV_32F);
                cv::transform(before, between, matrix(to_lms_));
                cv::log(between, between);
                cv::transform(between, before, matrix(rows_));
                cv::exp(before, before);
                cv::transform(before, between, matrix(to_rgb_));
                between.convertTo(rgb, CV_8U);
                break;
        }
    }
}

}  // namespace c2l
