#include "mica/logging/csv_log.h"

#include <cmath>
#include <functional>

#include "tests/io/files.h"

namespace mica::logging {

namespace {

using Rows = std::vector<CsvLog::Row>;

class CsvLogTest : public FilesTest {
 protected:
  std::string error(const std::function<void()>& f) const {
    return file_error_of("CsvLog", file("log.csv"), f);
  }
};

TEST_F(CsvLogTest, WritesRowsAsTheyCome) {
  CsvLog log(file("log.csv"), {"step", "loss", "validation"});
  EXPECT_EQ(bytes_of(file("log.csv")), "step,loss,validation\n");
  log.add({1, 0.1, {}});
  EXPECT_EQ(bytes_of(file("log.csv")), "step,loss,validation\n1,0.1,\n");
  log.add({2, NAN, 1e-30});
  EXPECT_EQ(bytes_of(file("log.csv")), "step,loss,validation\n1,0.1,\n2,nan,1e-30\n");
  const Series series = log.series("held out", "step", "validation");
  EXPECT_EQ(series.label, "held out");
  EXPECT_EQ(series.x, std::vector<double>{2});
  EXPECT_EQ(series.y, std::vector<double>{1e-30});
}

TEST_F(CsvLogTest, GoesOnFromAStep) {
  write_file("log.csv", "step,loss\n1,0.1\n2,\n3,0.30000000000000004\n4,0.4");  // broken off
  CsvLog log(file("log.csv"), {"step", "loss"}, 4);
  EXPECT_EQ(log.rows(), (Rows{{1, 0.1}, {2, {}}, {3, 0.1 + 0.2}}));
  log.add({4, 0.5});
  EXPECT_EQ(bytes_of(file("log.csv")), "step,loss\n1,0.1\n2,\n3,0.30000000000000004\n4,0.5\n");
  EXPECT_EQ(CsvLog(file("log.csv"), {"step", "loss"}, 2).rows(), (Rows{{1, 0.1}}));
  EXPECT_EQ(bytes_of(file("log.csv")), "step,loss\n1,0.1\n");
  CsvLog(file("new.csv"), {"step"}, 7).add({7});
  EXPECT_EQ(bytes_of(file("new.csv")), "step\n7\n");
}

TEST_F(CsvLogTest, NamesWhatIsWrong) {
  const auto read = [&] { CsvLog(file("log.csv"), {"step", "loss"}, 9); };
  write_file("log.csv", "step,accuracy\n");
  EXPECT_EQ(error(read), "expected columns step,loss, got 'step,accuracy'");
  write_file("log.csv", "step,loss\n1,2\n1,x\n");
  EXPECT_EQ(error(read), "expected numbers in line 3, got 'x'");
  write_file("log.csv", "step,loss\n1\n");
  EXPECT_EQ(error(read), "expected 2 values in line 2, got 1");
  EXPECT_EQ(bytes_of(file("log.csv")), "step,loss\n1\n");
  CsvLog log(file("log.csv"), {"step", "loss"});
  EXPECT_EQ(error([&] { log.add({1}); }), "expected a row of 2 values, got 1");
  EXPECT_EQ(error([&] { log.series("", "step", "accuracy"); }),
            "expected one of the columns step,loss, got 'accuracy'");
  EXPECT_EQ(system_error_of([] { CsvLog("/no/such/log.csv", {"a"}); }),
            "CsvLog: can't write '/no/such/log.csv': No such file or directory");
}

}  // namespace

}  // namespace mica::logging
