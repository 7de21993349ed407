#include "mica/logging/readable.h"

#include <gtest/gtest.h>

#include <sstream>

namespace mica::logging {
namespace {

TEST(Readable, ShortensInTheMiddle) {
  EXPECT_EQ(shortened("encoder.layers", 9), "enco…yers");
  EXPECT_EQ(shortened("encoder.layers", 8), "enco…ers");
  EXPECT_EQ(shortened("encoder", 7), "encoder");
  EXPECT_EQ(shortened("äöüßéè", 5), "äö…éè");
  EXPECT_EQ(shortened("encoder", 2), "encoder");
}

TEST(Readable, CountsWithThreeDigits) {
  EXPECT_EQ(readable_count(0), "0");
  EXPECT_EQ(readable_count(999), "999");
  EXPECT_EQ(readable_count(1330), "1.33 K");
  EXPECT_EQ(readable_count(124e6), "124 M");
  EXPECT_EQ(readable_count(2.5e18), "2.5e+03 P");
}

TEST(Readable, EscapesWhatXmlCanNotHold) {
  EXPECT_EQ(xml_text("<a href=\"x\">&</a>"), "&lt;a href=&quot;x&quot;&gt;&amp;&lt;/a&gt;");
  EXPECT_EQ(xml_text("a\nb\tc"), "a\nb\tc");
  const std::string unknown = "\xEF\xBF\xBD";
  EXPECT_EQ(xml_text(std::string("\0\x1b\x7f", 3)), unknown + unknown + unknown);
  EXPECT_EQ(xml_text("é€😀"), "é€😀");
  EXPECT_EQ(xml_text("\xC3"), unknown);                              // cut off
  EXPECT_EQ(xml_text("\xC0\xAF"), unknown + unknown);                // longer than needed
  EXPECT_EQ(xml_text("\xED\xA0\x80"), unknown + unknown + unknown);  // half of a pair
  EXPECT_EQ(xml_text("\xFFx"), unknown + "x");
}

TEST(Readable, AStreamThatIsNoTerminalHasEightyColumns) {
  std::ostringstream os;
  EXPECT_EQ(columns_for(os), 80);
}

}  // namespace
}  // namespace mica::logging
