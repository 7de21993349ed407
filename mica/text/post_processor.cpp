#include "mica/text/post_processor.h"

#include "mica/text/stage_fields.h"
#include "mica/text/vocabulary.h"

namespace mica::text {

namespace {

// Pieces one behind the other: the text, or ids.
class Template : public PostProcessor {
 public:
  explicit Template(const Field& field) {
    field.only({"type", "single", "pair", "special_tokens"});
    const Field single = field.at("single");
    for (size_t i = 0; i < single.size(); ++i) {
      const Field piece = single.at(i);
      piece.only({"SpecialToken", "Sequence"});
      if (const auto sequence = piece.find("Sequence")) {
        if (sequence->at("id").string() != "A") {
          sequence->at("id").fail("A, as there is one text");
        }
        pieces_.push_back({true, {}});
      } else {
        pieces_.push_back({false, ids_of(field, piece.at("SpecialToken").at("id").string())});
      }
    }
  }

  void process(std::vector<int32_t>& ids) const override {
    std::vector<int32_t> result;
    result.reserve(ids.size() + pieces_.size());
    for (const Piece& piece : pieces_) {
      const auto& source = piece.is_text ? ids : piece.ids;
      result.insert(result.end(), source.begin(), source.end());
    }
    ids = std::move(result);
  }

 private:
  struct Piece {
    bool is_text;
    std::vector<int32_t> ids;
  };

  static std::vector<int32_t> ids_of(const Field& field, const std::string& name) {
    const Field list = field.at("special_tokens").at(name).at("ids");
    std::vector<int32_t> ids;
    for (size_t i = 0; i < list.size(); ++i) {
      ids.push_back(static_cast<int32_t>(list.at(i).integer(0, largest_id)));
    }
    return ids;
  }

  std::vector<Piece> pieces_;
};

// One token before, one behind: BertProcessing and RobertaProcessing.
class Around : public PostProcessor {
 public:
  explicit Around(const Field& field)
      : before_(id_of(field.at("cls"))), behind_(id_of(field.at("sep"))) {
    field.only({"type", "sep", "cls", "trim_offsets", "add_prefix_space"});
  }
  void process(std::vector<int32_t>& ids) const override {
    ids.insert(ids.begin(), before_);
    ids.push_back(behind_);
  }

 private:
  // ["[SEP]", 102]
  static int32_t id_of(const Field& field) {
    if (field.size() != 2) field.fail("a token and its id");
    return static_cast<int32_t>(field.at(1).integer(0, largest_id));
  }

  int32_t before_, behind_;
};

// ByteLevel, which changes positions in the text alone; these are not made here.
class Nothing : public PostProcessor {
 public:
  explicit Nothing(const Field& field) {
    field.only({"type", "add_prefix_space", "trim_offsets", "use_regex"});
  }
  void process(std::vector<int32_t>&) const override {}
};

class Chain : public PostProcessor {
 public:
  Chain(const Field& field, int depth) {
    field.only({"type", "processors"});
    steps_ = make_chain<PostProcessor>(field.at("processors"), depth, make);
  }
  static std::unique_ptr<const PostProcessor> make(const Field& field, int depth) {
    const std::string type = field.at("type").string();
    if (type == "TemplateProcessing") return std::make_unique<Template>(field);
    if (type == "BertProcessing" || type == "RobertaProcessing") {
      return std::make_unique<Around>(field);
    }
    if (type == "ByteLevel") return std::make_unique<Nothing>(field);
    if (type == "Sequence") return std::make_unique<Chain>(field, depth);
    field.at("type").fail(
        "one of TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, Sequence");
  }
  void process(std::vector<int32_t>& ids) const override {
    for (const auto& step : steps_) step->process(ids);
  }

 private:
  std::vector<std::unique_ptr<const PostProcessor>> steps_;
};

}  // namespace

std::unique_ptr<const PostProcessor> make_post_processor(const Field& field) {
  return Chain::make(field, 0);
}

}  // namespace mica::text
