#include <QTest>
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "dataset/synthetic_pairs.h"

using namespace c2l;

class TestGenePanel : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void finds_the_genes_that_vary_over_tissue() {
        const auto p = test::synthetic_pairs(14, 200, 1);
        const auto panel = GenePanel::choose(Split::whole(p), 15, TargetUnit::Log1pCp10k);
        QCOMPARE(panel.genes.size(), std::size_t(15));
        const auto planted = std::count_if(panel.genes.begin(), panel.genes.end(), [](const std::string& g) { return std::stoi(g.substr(1)) % 10 == 0; });
        QVERIFY2(planted >= 13, qPrintable(QString::number(planted)));
    }

    void held_out_counts_change_nothing() {
        const auto p = test::synthetic_pairs(14, 120, 1);
        SplitParams params;
        params.seed = 5;
        const Split split = Split::by_blocks(p, params);
        auto changed = std::make_shared<PairedTiles>(*p);
        for (const auto r : split.held_out.rows()) {
            for (auto i = p->expression.indptr[static_cast<std::size_t>(r)]; i < p->expression.indptr[static_cast<std::size_t>(r) + 1]; ++i)
                changed->expression.values[static_cast<std::size_t>(i)] *= static_cast<float>(1 + (i * 7919) % 13);
        }
        changed->depth = changed->expression.row_sums();
        const Split same = Split::by_blocks(changed, params);
        QCOMPARE(same.train.rows(), split.train.rows());
        for (const auto unit : {TargetUnit::Log1pCounts, TargetUnit::Log1pCp10k}) {
            const auto a = GenePanel::choose(split.train, 30, unit), b = GenePanel::choose(same.train, 30, unit);
            QCOMPARE(a.genes, b.genes);
            QCOMPARE(a.mean, b.mean);
            QCOMPARE(a.sd, b.sd);
        }
        QVERIFY(GenePanel::choose(Split::whole(p), 30, TargetUnit::Log1pCp10k).mean != GenePanel::choose(Split::whole(changed), 30, TargetUnit::Log1pCp10k).mean);
    }

    void order_of_columns_changes_nothing() {
        const auto p = test::synthetic_pairs(10, 60, 1);
        auto reversed = std::make_shared<PairedTiles>(*p);
        Matrix dense(p->expression.rows(), 60);
        for (std::int64_t g = 0; g < 60; ++g) {
            const auto column = p->expression.column(59 - g);
            for (std::int64_t r = 0; r < dense.rows; ++r) dense.at(r, g) = column[static_cast<std::size_t>(r)];
        }
        std::vector<std::string> names(p->expression.genes.rbegin(), p->expression.genes.rend());
        reversed->expression = ExpressionMatrix::from_dense(dense, names, ExpressionUnit::Counts);
        QCOMPARE(GenePanel::choose(Split::whole(p), 20, TargetUnit::Log1pCp10k).genes, GenePanel::choose(Split::whole(reversed), 20, TargetUnit::Log1pCp10k).genes);
    }

    void standardised_training_values_have_unit_spread() {
        const auto p = test::synthetic_pairs(12, 80, 3);
        const auto train = Split::by_blocks(p, {}).train;
        const auto panel = GenePanel::choose(train, 25, TargetUnit::Log1pCp10k);
        const Matrix z = panel.standardised(*p, train.rows());
        for (std::int64_t c = 0; c < z.cols; ++c) {
            double sum = 0, squares = 0;
            for (std::int64_t r = 0; r < z.rows; ++r) sum += z.at(r, c), squares += z.at(r, c) * z.at(r, c);
            QVERIFY(std::abs(sum / static_cast<double>(z.rows)) < 1e-4);
            QVERIFY(std::abs(squares / static_cast<double>(z.rows) - 1) < 1e-3);
        }
    }

    void units() {
        const auto p = test::synthetic_pairs(5, 10, 4);
        const auto train = Split::whole(p);
        const auto counts = GenePanel::from_list(train, {"g3", "G0", "G3"}, TargetUnit::Log1pCounts);
        QCOMPARE(counts.genes, (std::vector<std::string>{"G3", "G0"}));
        const auto cp10k = GenePanel::from_list(train, {"G3"}, TargetUnit::Log1pCp10k);
        const float n = p->expression.column(3)[7];
        QCOMPARE(counts.values(*p, {7}).at(0, 0), std::log1p(n));
        QCOMPARE(cp10k.values(*p, {7}).at(0, 0), std::log1p(n * 1e4f / p->depth[7]));
    }

    void constant_and_foreign_genes() {
        auto p = test::synthetic_pairs(5, 10, 4);
        const auto panel = GenePanel::from_list(Split::whole(p), {"G1", "G2"}, TargetUnit::Log1pCounts);
        auto other = std::make_shared<PairedTiles>(*p);
        other->expression.genes[1] = "else";
        QCOMPARE(panel.values(*other, {0}).at(0, 0), 0.f);
        GenePanel flat = panel;
        flat.sd[0] = 0;
        QCOMPARE(flat.standardised(*p, {3}).at(0, 0), 0.f);
    }

    void refusals() {
        auto p = test::synthetic_pairs(5, 10, 4);
        QVERIFY_EXCEPTION_THROWN(GenePanel::from_list(Split::whole(p), {"G1", "NOPE"}, TargetUnit::Log1pCounts), Error);
        QVERIFY_EXCEPTION_THROWN(GenePanel::from_list(Split::whole(p), {}, TargetUnit::Log1pCounts), Error);
        p->expression.unit = ExpressionUnit::Log1p;
        QVERIFY_EXCEPTION_THROWN(GenePanel::choose(Split::whole(p), 5, TargetUnit::Log1pCounts), Error);
    }
};

QTEST_APPLESS_MAIN(TestGenePanel)
#include "test_gene_panel.moc"
