// Several processes of `c2l pretrain` on this machine: the same losses and weights as one process with the batch of both, an exact end at
// one step when one is stopped, and a clear end when one dies.
#include <ATen/ATen.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <QProcess>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <csignal>
#include <memory>
#include <sstream>

#include "base/file.h"
#include "base/hash.h"
#include "base/png.h"
#include "base/random.h"
#include "dataset/tile_pack.h"
#include "nn/safetensors.h"

using namespace c2l;
namespace fs = std::filesystem;

namespace {

int free_port() {
    const int s = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    ::bind(s, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::getsockname(s, reinterpret_cast<sockaddr*>(&address), &length);
    ::close(s);
    return ntohs(address.sin_port);
}

struct Training {
    fs::path pack, out, work;
    int batch = 4, steps = 6;
    fs::path images = {};  // a folder of them instead of the pack
    QStringList arguments() const {
        const auto n = [](int v) { return QString::number(v); };
        const auto p = [](const fs::path& v) { return QString::fromStdString(v.string()); };
        const QStringList source = images.empty() ? QStringList{"--packs", p(pack)} : QStringList{"--tiles", p(images), "--tiles-mpp", "0.6875", "--tile-count", "64"};
        return QStringList{"pretrain"} + source + QStringList{"--preset", "nano", "--encoder-steps", "3", "--autoencoder-steps", "3", "--decoder-steps", "3", "--denoiser-steps", n(steps), "--batch", n(batch),
                "--encoder-pairs", n(batch), "--autoencoder-batch", n(batch), "--fp32", "--threads", "1", "--device", "cpu", "--seed", "5", "-o", p(out), "--work", p(work), "--json"};
    }
};

std::unique_ptr<QProcess> start(const Training& training, int rank, int world, int port) {
    auto process = std::make_unique<QProcess>();
    auto environment = QProcessEnvironment::systemEnvironment();
    for (const char* name : {"SLURM_STEP_ID", "TORCHELASTIC_USE_AGENT_STORE"}) environment.remove(name);
    if (world > 1) {
        environment.insert("RANK", QString::number(rank));
        environment.insert("WORLD_SIZE", QString::number(world));
        environment.insert("LOCAL_RANK", QString::number(rank));
        environment.insert("LOCAL_WORLD_SIZE", QString::number(world));
        environment.insert("MASTER_ADDR", "127.0.0.1");
        environment.insert("MASTER_PORT", QString::number(port));
    }
    process->setProcessEnvironment(environment);
    process->start(QStringLiteral(C2L_BIN_DIR "/c2l"), training.arguments());
    process->waitForStarted();
    return process;
}

using Both = std::vector<std::unique_ptr<QProcess>>;
Both start_both(const Training& training) {
    const int port = free_port();
    Both out;
    for (int rank = 0; rank < 2; ++rank) out.push_back(start(training, rank, 2, port));
    return out;
}

int code(QProcess& process, std::string* said = nullptr) {
    if (!process.waitForFinished(120000)) {
        process.kill();
        process.waitForFinished();
        return -2;
    }
    const auto text = process.readAllStandardError().toStdString();
    if (said) *said = text;
    if (process.exitCode() && !said) qWarning("%s", text.c_str());
    return process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -1;
}

std::vector<double> losses(const fs::path& table) {
    std::istringstream in(read_file(table));
    std::string line;
    std::getline(in, line);
    std::vector<double> out;
    for (double step, loss; in >> step >> loss;) out.push_back(loss);
    return out;
}

// Until the table of losses has `lines` steps.
bool wait_for_steps(const fs::path& table, std::size_t lines) {
    return QTest::qWaitFor([&] { return fs::exists(table) && losses(table).size() >= lines; }, 60000);
}

}  // namespace

class TestProcesses : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() {
        folder_ = dir_.path().toStdString();
        TilePackWriter pack(folder_ / "grain.tiles", 80, 55.0, "grain");
        for (int i = 0; i < 40; ++i) {
            Image image(80, 80);
            Random random(static_cast<std::uint64_t>(i));
            for (std::size_t k = 0; k < image.rgb.size(); ++k) image.rgb[k] = static_cast<std::uint8_t>(90 + (i * 11) % 80 + random.below(50) + (k % 3) * 15);
            pack.add(image);
        }
        pack.end_run("grain", "");
        pack.close();
    }

    void two_are_one_with_twice_the_batch() {
        const Training two = training("two", 4, 6), one = training("one", 8, 6);
        auto both = start_both(two);
        for (auto& process : both) QCOMPARE(code(*process), 0);
        QCOMPARE(code(*start(one, 0, 1, 0)), 0);
        for (const char* stage : {"encoder", "autoencoder", "decoder", "denoiser"}) {
            const auto a = losses(two.work / (std::string(stage) + ".losses.tsv")), b = losses(one.work / (std::string(stage) + ".losses.tsv"));
            QCOMPARE(a.size(), std::size_t{stage == std::string("denoiser") ? 6u : 3u});
            QCOMPARE(a.size(), b.size());
            for (std::size_t i = 0; i < a.size(); ++i) QVERIFY2(std::abs(a[i] - b[i]) <= 1e-4 * std::abs(b[i]), (std::string(stage) + " " + std::to_string(a[i]) + " " + std::to_string(b[i])).c_str());
        }
        const auto a = nn::read_safetensors(two.out), b = nn::read_safetensors(one.out);
        QCOMPARE(a.tensors.size(), b.tensors.size());
        for (const auto& [name, tensor] : a.tensors) {
            const auto x = tensor.to(c10::kFloat), y = b.at(name).to(c10::kFloat);
            // Stored in bfloat16, of which rounding may take the next one; AdamW's first steps turn tiny gradients into whole steps.
            QVERIFY2((x - y).norm().item<double>() <= 5e-3 * (1e-3 + y.norm().item<double>()), name.c_str());
        }
    }

    void a_stop_of_one_stops_all_at_one_step() {
        const Training whole = training("whole", 2, 150), stopped = training("stopped", 2, 150);
        auto reference = start_both(whole);
        for (auto& process : reference) QCOMPARE(code(*process), 0);
        auto both = start_both(stopped);
        QVERIFY(wait_for_steps(stopped.work / "denoiser.losses.tsv", 3));
        ::kill(static_cast<pid_t>(both[1]->processId()), SIGTERM);
        std::string said;
        for (auto& process : both) QCOMPARE(code(*process, &said), 130);
        QVERIFY(!fs::exists(stopped.out));
        QVERIFY(losses(stopped.work / "denoiser.losses.tsv").size() < 150);
        auto again = start_both(stopped);
        for (auto& process : again) QCOMPARE(code(*process), 0);
        QCOMPARE(sha256_file(stopped.out), sha256_file(whole.out));
    }

    // Launchers end all processes once the first one has ended: the checkpoint is there by then, and their SIGTERM interrupts no writing.
    void a_stop_is_over_when_the_first_process_ends() {
        const Training stopped = training("over", 2, 100000);
        auto both = start_both(stopped);
        QVERIFY(wait_for_steps(stopped.work / "denoiser.losses.tsv", 3));
        for (auto& process : both) ::kill(static_cast<pid_t>(process->processId()), SIGTERM);
        ::kill(static_cast<pid_t>(both[0]->processId()), SIGTERM);
        std::string said;
        QCOMPARE(code(*both[1], &said), 130);
        QVERIFY(fs::exists(stopped.work / "denoiser.checkpoint.safetensors"));
        QCOMPARE(code(*both[0], &said), 130);
        for (const auto& entry : fs::directory_iterator(stopped.work)) QVERIFY2(entry.path().filename().string().find(".part") == std::string::npos, entry.path().c_str());
    }

    void a_dead_process_ends_the_others() {
        const Training dying = training("dying", 2, 100000);
        auto both = start_both(dying);
        QVERIFY(wait_for_steps(dying.work / "denoiser.losses.tsv", 3));
        ::kill(static_cast<pid_t>(both[1]->processId()), SIGKILL);
        std::string said;
        QCOMPARE(code(*both[0], &said), 1);
        QVERIFY2(said.find("process 0 of 2 has lost another process") != std::string::npos, said.c_str());
        both[1]->waitForFinished();
    }

    void a_missing_pack_ends_all() {
        Training broken = training("broken", 2, 6);
        broken.pack = folder_ / "none.tiles";
        auto both = start_both(broken);
        std::string said;
        for (auto& process : both) QCOMPARE(code(*process, &said), 1);
    }

    void the_first_cuts_the_tiles_of_all() {
        Training cutting = training("cutting", 2, 2);
        cutting.images = folder_ / "images";
        fs::create_directories(cutting.images);
        for (int i = 0; i < 12; ++i) {
            Image image(240, 240);
            Random random(static_cast<std::uint64_t>(i));
            for (std::size_t k = 0; k < image.rgb.size(); ++k) image.rgb[k] = static_cast<std::uint8_t>(60 + (i * 11) % 60 + random.below(90) + (k % 3 == 1 ? 0 : 40));
            write_file(cutting.images / (std::to_string(i) + ".png"), encode_png(image));
        }
        auto both = start_both(cutting);
        for (auto& process : both) QCOMPARE(code(*process), 0);
        int packs = 0;
        for (const auto& entry : fs::directory_iterator(cutting.work)) packs += entry.path().extension() == ".tiles";
        QCOMPARE(packs, 1);
        QCOMPARE(losses(cutting.work / "denoiser.losses.tsv").size(), std::size_t{2});
    }

    // What the first process does for all fails in it alone; the others hear of it.
    void what_ends_the_first_ends_the_others() {
        Training empty = training("empty", 2, 2);
        empty.images = folder_ / "no-images";
        fs::create_directories(empty.images);
        auto both = start_both(empty);
        std::string first, second;
        QCOMPARE(code(*both[0], &first), 1);
        QCOMPARE(code(*both[1], &second), 1);
        QVERIFY2(first.find("nothing to learn from") != std::string::npos, first.c_str());
        QVERIFY2(second.find("process 0 of 2 has failed") != std::string::npos, second.c_str());
    }

private:
    Training training(const std::string& name, int batch, int steps) const {
        return {folder_ / "grain.tiles", folder_ / (name + ".safetensors"), folder_ / (name + ".work"), batch, steps};
    }
    QTemporaryDir dir_;
    fs::path folder_;
};

QTEST_GUILESS_MAIN(TestProcesses)
#include "test_processes.moc"
