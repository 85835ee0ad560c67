// Holds the source tree to the directions of ARCHITECTURE.md, and shows by planted mistakes that the check can fail.
#include <QTemporaryDir>
#include <QTest>
#include <fstream>

#include "architecture/arrows.h"

using c2l::architecture::check_tree;

class TestArchitecture : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void treeKeepsItsDirections();
    void findsPlantedMistakes_data();
    void findsPlantedMistakes();
    void allowsWhatIsAllowed();
};

namespace {

void plant(const QTemporaryDir& dir, const std::string& file, const std::string& text) {
    const std::filesystem::path path = std::filesystem::path(dir.path().toStdString()) / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text << '\n';
}

void plant_headers(const QTemporaryDir& dir) {
    for (const char* header : {"base/error.h", "slide/slide.h", "spatial/read.h", "nn/tensor.h", "generate/generate.h", "predict/predict.h",
                               "rpc/frame.h", "pipeline/run.h"})
        plant(dir, std::string("core/") + header, "#include <string>");
}

}  // namespace

void TestArchitecture::treeKeepsItsDirections() {
    QVERIFY(std::filesystem::exists(C2L_SOURCE_DIR "/core/base/error.h"));  // an empty tree would pass
    const auto broken = check_tree(C2L_SOURCE_DIR);
    for (const auto& line : broken) qWarning("%s", line.c_str());
    QVERIFY2(broken.empty(),
             "the lines above break a direction of ARCHITECTURE.md: move the code, or change the document and the table together");
}

void TestArchitecture::findsPlantedMistakes_data() {
    QTest::addColumn<QString>("file");
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("says");
    const auto row = [](const char* name, const char* file, const char* text, const char* says) {
        QTest::newRow(name) << file << text << says;
    };
    row("upward include", "core/base/a.cpp", "#include \"slide/slide.h\"", "core/base includes core/slide");
    row("sideways include", "core/predict/a.cpp", "#include \"generate/generate.h\"", "core/predict includes core/generate");
    row("spaces do not hide it", "core/slide/a.cpp", "  #  include   \"spatial/read.h\"", "core/slide includes core/spatial");
    row("Qt in core", "core/spatial/a.cpp", "#include <QString>", "core includes Qt");
    row("torch in ui", "ui/viewer/a.cpp", "#include <torch/torch.h>", "includes LibTorch");
    row("torch in a plain module", "core/slide/a.cpp", "#include <ATen/ATen.h>", "includes LibTorch");
    row("torch in the window's main", "app/studio/main.cpp", "#include <c10/util/Optional.h>", "includes LibTorch");
    row("engine in ui", "ui/panels/a.cpp", "#include \"predict/predict.h\"", "the window includes core/predict");
    row("ui in core", "core/rpc/a.cpp", "#include \"ui/viewer/view.h\"", "core includes");
    row("lower ui folder knows a higher one", "ui/viewer/a.cpp", "#include \"ui/panels/theme.h\"", "ui/viewer includes ui/panels");
    row("link upward", "core/spatial/CMakeLists.txt", "c2l_module(c2l_spatial SOURCES a.cpp\n PUBLIC c2l_base\n PRIVATE c2l_nn)",
        "c2l_spatial links c2l_nn");
    row("later link line", "core/slide/CMakeLists.txt", "target_link_libraries(c2l_slide PRIVATE c2l_dataset)",
        "c2l_slide links c2l_dataset");
    row("Qt linked in core", "core/slide/CMakeLists.txt", "target_link_libraries(c2l_slide PUBLIC Qt6::Core)", "links Qt6::Core");
    row("window links the engine", "ui/jobs/CMakeLists.txt", "c2l_ui_module(c2l_ui_jobs SOURCES a.cpp PUBLIC c2l_pipeline)",
        "links c2l_pipeline");
    row("studio links torch", "app/studio/CMakeLists.txt", "target_link_libraries(c2l-studio PRIVATE ${TORCH_LIBRARIES})",
        "links LibTorch");
}

void TestArchitecture::findsPlantedMistakes() {
    QFETCH(QString, file);
    QFETCH(QString, text);
    QFETCH(QString, says);
    QTemporaryDir dir;
    plant_headers(dir);
    QVERIFY(check_tree(dir.path().toStdString()).empty());
    plant(dir, file.toStdString(), text.toStdString());
    const auto broken = check_tree(dir.path().toStdString());
    QCOMPARE(broken.size(), std::size_t{1});
    QVERIFY2(broken[0].find(says.toStdString()) != std::string::npos, broken[0].c_str());
    QVERIFY2(broken[0].rfind(file.toStdString() + ":1:", 0) == 0, broken[0].c_str());
}

void TestArchitecture::allowsWhatIsAllowed() {
    QTemporaryDir dir;
    plant_headers(dir);
    plant(dir, "core/predict/a.cpp", "#include <ATen/ATen.h>\n#include \"nn/tensor.h\"\n#include \"slide/slide.h\"");
    plant(dir, "core/slide/tiff_handle.h", "#include <tiffio.h>");  // private: only its own module includes it
    plant(dir, "core/slide/a.cpp", "#include \"slide/tiff_handle.h\"\n#include <opencv2/core.hpp>");
    plant(dir, "core/rpc/message.h", "#include <nlohmann/json.hpp>");
    plant(dir, "ui/jobs/a.cpp", "#include \"rpc/message.h\"\n#include <QString>");
    plant(dir, "app/c2l/main.cpp", "#include \"pipeline/run.h\"");
    QVERIFY(check_tree(dir.path().toStdString()).empty());

    plant(dir, "core/dataset/a.cpp", "#include \"slide/tiff_handle.h\"");  // now it is public
    const auto broken = check_tree(dir.path().toStdString());
    QCOMPARE(broken.size(), std::size_t{1});
    QVERIFY2(broken[0].find("public header shows third-party") != std::string::npos, broken[0].c_str());
}

QTEST_GUILESS_MAIN(TestArchitecture)
#include "test_architecture.moc"
