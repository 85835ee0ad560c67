// Framing, messages and the worker's loop: whatever arrives, in whatever pieces, is answered and never brings the worker down.
#include <QTest>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <thread>

#include "base/random.h"
#include "rpc/frame.h"
#include "rpc/message.h"
#include "rpc/server.h"

using namespace c2l;
using namespace c2l::rpc;
using nlohmann::json;

namespace {

// A pipe in memory for the server's input, and a list of what it sent.
class Wire {
public:
    void put(const std::string& bytes) {
        const std::lock_guard lock(mutex_);
        in_ += bytes;
        wake_.notify_all();
    }
    void end() {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        wake_.notify_all();
    }
    std::size_t read(char* buffer, std::size_t size) {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return ended_ || !in_.empty(); });
        const std::size_t n = std::min(size, in_.size());
        in_.copy(buffer, n);
        in_.erase(0, n);
        return n;
    }
    void write(std::string_view bytes) {
        const std::lock_guard lock(mutex_);
        for (const auto& item : frames_.feed(bytes)) out_.push_back(json::parse(item.payload));
        wake_.notify_all();
    }
    // The first message that is not a notification; notifications are kept aside.
    json answer() {
        std::unique_lock lock(mutex_);
        for (;;) {
            if (!wake_.wait_for(lock, std::chrono::seconds(10), [&] { return !out_.empty(); })) return {};
            json message = out_.front();
            out_.pop_front();
            if (!message.contains("method")) return message;
            notes.push_back(message);
        }
    }
    std::vector<json> notes;

private:
    std::mutex mutex_;
    std::condition_variable wake_;
    std::string in_;
    bool ended_ = false;
    std::deque<json> out_;
    FrameReader frames_;
};

struct Session {
    Wire wire;
    std::atomic<bool> stopped{false};
    Server server{service(), [this](std::string_view bytes) { wire.write(bytes); }};
    std::thread thread{[this] { server.serve([this](char* b, std::size_t n) { return wire.read(b, n); }); }};
    ~Session() {
        wire.end();
        if (thread.joinable()) thread.join();
    }
    void send(const json& message) { wire.put(frame(message.dump())); }
    Service service() {
        Service s;
        s.capabilities = {{"commands", json::array()}};
        s.has = [](const std::string& m) { return m == "wait" || m == "count" || m == "fail"; };
        s.check = [](const std::string&, const json& p) {
            if (p.contains("bad")) throw Error(ErrorCode::BadInput, "'bad' is not a parameter");
        };
        s.run = [this](const std::string& m, const json&, const JobContext& ctx) -> json {
            if (m == "fail") throw Error(ErrorCode::NotFound, "there is no such file", "/x");
            if (m == "count") {
                for (int i = 0; i < 5000; ++i) {
                    Progress p;
                    p.step = i < 2500 ? "one" : "two";
                    p.done = i;
                    p.total = 5000;
                    p.loss = i * 0.5;
                    p.held_out = i % 7 == 0;
                    ctx.progress(p);
                    if (i % 500 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(60));
                }
                return {{"counted", 5000}};
            }
            try {
                for (;;) {
                    ctx.check_stop();
                    std::this_thread::sleep_for(std::chrono::milliseconds(5));
                }
            } catch (...) {
                stopped = true;
                throw;
            }
        };
        return s;
    }
};

}  // namespace

class TestRpc : public QObject {
    Q_OBJECT
private Q_SLOTS:
    // However a stream of frames is cut, the same payloads come out.
    void framesInAnyPieces() {
        std::vector<std::string> payloads = {"{}", "", "{\"a\":\"ü\\r\\n\\r\\nContent-Length: 5\"}", std::string(70000, 'x'), std::string("\r\n\r\n\0", 5)};
        std::string stream;
        for (const auto& payload : payloads) stream += frame(payload);
        Random random(1);
        for (int round = 0; round < 300; ++round) {
            FrameReader reader;
            std::vector<std::string> got;
            for (std::size_t at = 0; at < stream.size();) {
                const auto most = round < 3 ? 1 : round < 100 ? 40 : 30000;
                const std::size_t n = std::min<std::size_t>(stream.size() - at, static_cast<std::size_t>(1 + random.below(most)));
                for (const auto& item : reader.feed(std::string_view(stream).substr(at, n))) {
                    QVERIFY2(item.error.empty(), item.error.c_str());
                    got.push_back(item.payload);
                }
                at += n;
                if (round < 3 && at > 2000) break;
            }
            if (round >= 3) QCOMPARE(got, payloads);
        }
        for (std::size_t cut = 0; cut <= 120; ++cut) {  // every split of the first bytes
            FrameReader reader;
            std::size_t n = reader.feed(std::string_view(stream).substr(0, cut)).size();
            n += reader.feed(std::string_view(stream).substr(cut)).size();
            QCOMPARE(n, payloads.size());
        }
    }

    void headersOfOtherWriters() {
        FrameReader reader;
        auto items = reader.feed("content-length:  2 \r\nContent-Type: application/json\r\n\r\n{}");
        QCOMPARE(items.size(), std::size_t{1});
        QCOMPARE(items[0].payload, std::string("{}"));
    }

    void badHeadersAreReportedAndPassedOver() {
        for (const std::string bad : {"Content-Length: -5\r\n\r\n", "Content-Length: 1e3\r\n\r\n", "Length: 5\r\n\r\n", "Content-Length: 99999999999999999999999\r\n\r\n",
                                      "hello\r\n\r\n", "Content-Length: 2\r\nContent-Length: 3\r\n\r\n"}) {
            FrameReader reader;
            const auto items = reader.feed(bad + frame("{}"));
            QVERIFY2(items.size() >= 2, bad.c_str());
            QVERIFY(!items.front().error.empty());
            QCOMPARE(items.back().payload, std::string("{}"));
        }
    }

    void oversizedFramesAreSkippedWithoutBeingHeld() {
        FrameReader reader;
        const std::size_t size = kMaxFrame + 1;
        auto items = reader.feed("Content-Length: " + std::to_string(size) + "\r\n\r\n");
        QCOMPARE(items.size(), std::size_t{1});
        QVERIFY(items[0].error.find("64 MB") != std::string::npos);
        const std::string chunk(1 << 20, 'z');
        std::size_t sent = 0;
        for (; sent + chunk.size() <= size; sent += chunk.size()) QVERIFY(reader.feed(chunk).empty());
        items = reader.feed(std::string(size - sent, 'z') + frame("{}"));
        QCOMPARE(items.size(), std::size_t{1});
        QCOMPARE(items[0].payload, std::string("{}"));
    }

    // Random bytes, and frames with random damage: no crash, no hang, memory bounded.
    void garbage() {
        Random random(2);
        for (int round = 0; round < 200; ++round) {
            FrameReader reader;
            std::string bytes;
            for (int i = 0; i < 3000; ++i) bytes += static_cast<char>(random.below(round % 2 ? 256 : 4) + (round % 2 ? 0 : 10));
            if (round % 3 == 0) {
                bytes = frame(std::string(300, 'a')) + frame("{}");
                for (int i = 0; i < 8; ++i) bytes[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(bytes.size())))] = static_cast<char>(random.below(256));
            }
            for (std::size_t at = 0; at < bytes.size(); at += 97) reader.feed(std::string_view(bytes).substr(at, 97));
        }
    }

    void messagesRoundTrip() {
        Progress p;
        p.step = "adapt";
        p.done = 5;
        p.total = 10;
        p.loss = 0.25;
        p.memory_bytes = std::uint64_t{5} << 33;
        const auto incoming = read_incoming(dump(notification("progress", progress_params(1, p, {{4, 0.5, false}, {5, 0.25, true}}))));
        QCOMPARE(incoming.kind, Incoming::Kind::Notification);
        QCOMPARE(incoming.method, std::string("progress"));
        const Progress back = read_progress(incoming.value);
        QCOMPARE(back.step, p.step);
        QCOMPARE(back.memory_bytes, p.memory_bytes);
        QVERIFY(std::isnan(back.eta_s));
        const auto losses = read_losses(incoming.value);
        QCOMPARE(losses.size(), std::size_t{2});
        QVERIFY(losses[1].held_out);
        QCOMPARE(losses[1].loss, 0.25);
        const auto failed = read_incoming(dump(failure(3, Error(ErrorCode::BadInput, "is broken", "/a/b"))));
        QCOMPARE(failed.kind, Incoming::Kind::Failure);
        QCOMPARE(failed.id, std::int64_t{3});
        QCOMPARE(failed.error, std::string("is broken"));
        QCOMPARE(failed.error_path, std::string("/a/b"));
        QCOMPARE(read_issue(issue_params(1, {Severity::Info, "t", "l"})).severity, Severity::Info);
        QCOMPARE(read_preview(preview_params(1, {"adapt", 3, {"a.png"}})).paths.size(), std::size_t{1});
        for (const char* odd : {"", "[]", "3", "{}", "{\"id\":{}}", "{\"method\":3}", "{\"method\":\"progress\",\"params\":[1]}", "{\"error\":5,\"id\":1}"}) read_incoming(odd);
        read_progress(json::parse(R"({"step":5,"done":"x","loss":null})"));
        QVERIFY(!dump({{"bad", "\xff\xfe"}}).empty());
    }

    // The JSON library copies nested values by recursion: a megabyte of brackets must not use up the stack of either end.
    void deepNestingIsRefused() {
        const std::string deep = "{\"a\":" + std::string(500000, '[') + std::string(500000, ']') + "}";
        QVERIFY(read_incoming("{\"id\":1,\"result\":" + deep + "}").kind == Incoming::Kind::Invalid);
        QVERIFY(read_incoming("{\"method\":\"progress\",\"params\":" + deep + "}").kind == Incoming::Kind::Invalid);
        QVERIFY(read_incoming("{\"method\":\"issue\",\"params\":{\"text\":\"" + std::string(1000, '[') + "\"}}").kind == Incoming::Kind::Notification);
        QVERIFY(parse("{}" + std::string(1, '\0') + "rest").is_discarded());
        Session s;
        s.wire.put(frame("{\"id\":1,\"method\":\"adapt\",\"params\":" + deep + "}"));
        QCOMPARE(s.wire.answer().at("error").at("code").get<int>(), kParseError);
    }

    // To convert a number that does not fit is undefined; it reads as the default instead.
    void numbersOutOfRange() {
        const auto wild = read_incoming(R"({"method":"progress","params":{"done":1e300,"total":-1e300,"memory_bytes":-1,"losses":[[1e300,1,true]]}})").value;
        const Progress p = read_progress(wild);
        QCOMPARE(p.done, std::int64_t{0});
        QCOMPARE(p.total, std::int64_t{0});
        QCOMPARE(p.memory_bytes, std::uint64_t{0});
        QCOMPARE(read_losses(wild).at(0).step, std::int64_t{0});
        QCOMPARE(read_progress(json{{"done", 7.0}, {"total", 9u}}).done, std::int64_t{7});
        QCOMPARE(read_incoming(R"({"id":1,"error":{"code":1e300,"message":"m"}})").error_code, kJobFailed);
    }

    void requestsAreAnswered() {
        Session s;
        s.send(request(1, "capabilities"));
        QVERIFY(s.wire.answer().at("result").contains("commands"));
        s.send(request(2, "nothing"));
        QCOMPARE(s.wire.answer().at("error").at("code").get<int>(), kMethodNotFound);
        s.send(request(3, "fail"));
        auto answer = s.wire.answer();
        QCOMPARE(answer.at("error").at("code").get<int>(), kJobFailed);
        QCOMPARE(answer.at("error").at("data").at("code").get<std::string>(), std::string("not_found"));
        s.send(request(4, "wait", {{"bad", 1}}));
        QCOMPARE(s.wire.answer().at("error").at("code").get<int>(), kInvalidParams);
        for (const std::string bad : {"nonsense", "[]", "{\"id\":1}", "{\"id\":[1],\"method\":\"wait\"}", "{\"id\":1,\"method\":\"wait\",\"params\":[]}", "{\"method\":\"wait\"}"}) {
            s.wire.put(frame(bad));
            QVERIFY2(s.wire.answer().contains("error"), bad.c_str());
        }
        s.wire.put("garbage\r\n\r\n");
        QCOMPARE(s.wire.answer().at("error").at("code").get<int>(), kParseError);
        s.send(request(5, "capabilities"));
        QVERIFY(s.wire.answer().contains("result"));
    }

    void jobsOneAtATimeAndCancelled() {
        Session s;
        s.send(request(1, "wait"));
        s.send(request(2, "wait"));
        auto answer = s.wire.answer();
        QCOMPARE(answer.at("id").get<int>(), 2);
        QCOMPARE(answer.at("error").at("code").get<int>(), kBusy);
        s.send(request(3, "cancel", {{"job", 99}}));
        QCOMPARE(s.wire.answer().at("result").at("stopping").get<bool>(), false);
        s.send(request(4, "cancel", {{"job", 1}}));
        const auto first = s.wire.answer(), second = s.wire.answer();
        const auto& job = first.at("id") == 1 ? first : second;
        const auto& cancel = first.at("id") == 1 ? second : first;
        QCOMPARE(cancel.at("result").at("stopping").get<bool>(), true);
        QCOMPARE(job.at("error").at("code").get<int>(), kCancelled);
        s.send(request(5, "count"));  // and the next one runs
        QVERIFY(s.wire.answer().contains("result"));
    }

    // Thousands of updates become few messages, without one loss point lost or out of order, and all before the answer.
    void progressIsThrottledWithoutLoss() {
        Session s;
        s.send(request(1, "count"));
        QCOMPARE(s.wire.answer().at("result").at("counted").get<int>(), 5000);
        std::vector<LossPoint> points;
        for (const auto& note : s.wire.notes) {
            const auto more = read_losses(note.at("params"));
            const std::string step = read_progress(note.at("params")).step;
            for (const auto& point : more) QCOMPARE(step, std::string(point.step < 2500 ? "one" : "two"));
            points.insert(points.end(), more.begin(), more.end());
        }
        QVERIFY(s.wire.notes.size() < 40);
        QCOMPARE(points.size(), std::size_t{5000});
        for (std::size_t i = 0; i < points.size(); ++i) {
            QCOMPARE(points[i].step, static_cast<std::int64_t>(i));
            QCOMPARE(points[i].held_out, i % 7 == 0);
        }
    }

    void endOfInputStopsTheJob() {
        Session s;
        s.send(request(1, "wait"));
        s.wire.end();
        s.thread.join();
        QVERIFY(s.stopped);
    }

    void shutdown() {
        Session s;
        s.send(request(1, "wait"));
        s.send(request(2, "shutdown"));
        s.thread.join();
        QVERIFY(s.stopped);
    }
};

QTEST_GUILESS_MAIN(TestRpc)
#include "test_rpc.moc"
