// A worker for tests of the window: rpc::Server as in `c2l worker`, with jobs of its own.
//
// sample: a picture with a square as bright as the seed and as wide as the dial; 7 genes move along where that is asked, and the corner darkens. The gene CRASH aborts; the spot 5x5 is an error.
// Another central model darkens the other corner; one that is called "wrong" is refused.
// run: progress with a loss curve and a preview every 5 steps (the file of step 10 is missing), then an evaluation artifact in the project. The seed chooses what goes wrong:
// 1 aborts midway, 2 fails with an error, 3 ignores being stopped, 4 goes on until it is stopped, 5 exits silently with code 7.
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/png.h"
#include "project/project.h"
#include "rpc/server.h"

namespace {

using nlohmann::json;

void pause(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

void store_evaluation(const std::string& file, std::uint64_t seed) {
    const auto project = c2l::Project::open(file, c2l::Project::Mode::Write);
    c2l::Provenance provenance;
    provenance.step = "evaluate";
    provenance.params = "{}";
    provenance.seed = seed;
    project->obtain(provenance, [](const std::filesystem::path& staging) {
        c2l::write_file(staging / "report.json", json{{"genes", 50}, {"spots_train", 30}, {"spots_test", 6}, {"pearson", {{"mean", 0.4567}, {"lower", 0.4}, {"upper", 0.5}}}}.dump());
    });
}

// Eight grey tiles in a row, as an adaptation writes them.
void show_preview(const json& params, int step, const c2l::JobContext& ctx) {
    if (!params.contains("project")) return;
    const auto folder = std::filesystem::path(params["project"].get<std::string>()).parent_path() / "work";
    std::filesystem::create_directories(folder);
    const auto file = folder / ("preview-" + std::to_string(step) + ".png");
    if (step != 10) c2l::write_file(file, c2l::encode_png(c2l::Image(8 * 32 + 7 * 4, 32, static_cast<std::uint8_t>(200 - step % 100))));
    ctx.preview({"adapt", step, {file.string()}});
}

json run(const json& params, const c2l::JobContext& ctx) {
    const int seed = params.value("seed", 0);
    const int steps = seed == 4 ? 100000 : 20;
    show_preview(params, 0, ctx);
    for (int i = 1; i <= steps; ++i) {
        if (seed == 3) pause(20);
        else ctx.check_stop();
        c2l::Progress p;
        p.step = "adapt";
        p.done = i;
        p.total = steps;
        p.eta_s = 0.01 * (steps - i);
        p.loss = 1.0 / i;
        p.held_out = i % 5 == 0;
        p.memory_bytes = 123'000'000;
        ctx.progress(p);
        if (i % 5 == 0) show_preview(params, i, ctx);
        if (i == 10 && seed == 1) {
            std::fputs("something went very wrong\n", stderr);
            std::abort();
        }
        if (i == 10 && seed == 5) std::_Exit(7);
        if (i == 10 && seed == 2) throw c2l::Error(c2l::ErrorCode::BadInput, "the slide has no tissue; choose another", "/x/slide.tif");
        if (i == 10 && seed == 3) pause(600000);
        pause(5);
    }
    ctx.issue({c2l::Severity::Warning, "3 spots lie off the tissue", "12,34"});
    if (params.contains("project")) store_evaluation(params["project"], static_cast<std::uint64_t>(seed));
    return {{"pearson", 0.4567}};
}

std::string base64(const std::string& bytes) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        unsigned value = 0;
        for (std::size_t k = 0; k < 3; ++k) value = value << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
        for (std::size_t k = 0; k < 4; ++k) text += i + k > bytes.size() ? '=' : digits[value >> (18 - 6 * k) & 63];
    }
    return text;
}

json sample(const json& params, const c2l::JobContext&) {
    const std::string spot = params.value("spot", ""), dial = params.value("dial", ""), central = params.value("central", "");
    if (spot == "5x5") throw c2l::Error(c2l::ErrorCode::NotFound, "there is no spot '5x5' in use on this section", "/x/section.c2l");
    if (central.find("wrong") != std::string::npos) throw c2l::Error(c2l::ErrorCode::Mismatch, "was adapted from another central model; give that one with --central", "/x/adapter.safetensors");
    if (dial.rfind("CRASH", 0) == 0) std::abort();
    pause(30);
    const double sd = dial.empty() ? 0 : std::stod(dial.substr(dial.find('=') + 1));
    c2l::Image image(128, 128, 230);
    const int half = 30 + static_cast<int>(std::lround(5 * sd));
    for (int y = 64 - half; y < 64 + half; ++y)
        for (int x = 64 - half; x < 64 + half; ++x) image.at(x, y)[1] = static_cast<std::uint8_t>(90 + 10 * params.value("seed", 0));
    const bool along = !dial.empty() && params.value("companions", false);
    if (along) image.at(0, 0)[0] = 0;
    if (!central.empty()) image.at(127, 127)[0] = 0;
    json out = {{"companions", along ? 7 : 0}, {"png_base64", base64(c2l::encode_png(image))}, {"width", 128}, {"height", 128}, {"tile_um", 88.0}, {"in_range", std::abs(sd) <= 3}, {"turned", json::array()}};
    if (!dial.empty()) out["turned"].push_back({{"gene", dial.substr(0, dial.find('='))}, {"sd", sd}, {"own_sd", -0.4}, {"lowest_sd", -1.1}, {"highest_sd", 3.0}});
    if (params.value("list", false)) {
        out["genes"] = {"ERBB2", "CD3E", "KRT8", "CRASH"};
        out["spots"] = json::array();
        for (int i = 0; i < 36; ++i) out["spots"].push_back(std::to_string(i % 6) + "x" + std::to_string(i / 6));
    }
    return out;
}

}  // namespace

int main() {
    c2l::rpc::Service service;
    service.capabilities = {{"program", "quick"}};
    service.has = [](const std::string& method) { return method == "run" || method == "sample"; };
    service.check = [](const std::string&, const json&) {};
    service.run = [](const std::string& method, const json& params, const c2l::JobContext& ctx) { return method == "sample" ? sample(params, ctx) : run(params, ctx); };
    c2l::rpc::Server server(service, [](std::string_view bytes) {
        std::fwrite(bytes.data(), 1, bytes.size(), stdout);
        std::fflush(stdout);
    });
    server.serve([](char* buffer, std::size_t size) {
        const auto n = ::read(0, buffer, size);
        return n > 0 ? static_cast<std::size_t>(n) : 0;
    });
}
