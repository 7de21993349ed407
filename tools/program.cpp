#include "program.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <map>

#include "mica/version.h"

namespace tools {
namespace {

constexpr const char* description =
    "Looks at files of weights and at what mica makes of this machine.\n"
    "Files are .safetensors, .npz, .npy, .gguf or PyTorch's, an index (*.index.json), or a folder\n"
    "with one of these.";

constexpr const char* footer =
    "Exit status: 0; 1 where diff finds a difference; 2 where something is wrong.";

std::string version_text() {
  const mica::Version version = mica::library_version();
  return "mica " + std::to_string(version.major) + "." + std::to_string(version.minor) + "." +
         std::to_string(version.patch);
}

}  // namespace

int run(std::vector<std::string> arguments, std::ostream& output, std::ostream& errors,
        std::optional<int> width) {
  CLI::App app(description, "mica");
  app.footer(footer);
  app.require_subcommand(1);
  app.set_version_flag("--version", version_text());
  int status = 0;

  InfoOptions to_show;
  auto* info_command = app.add_subcommand("info", "Tensors, shapes, dtypes, sizes and metadata");
  info_command
      ->add_option("FILE", to_show.file,
                   "A file of weights, or a folder; also an exported\n"
                   "function, tokenizer.json, config.json or MNIST's idx")
      ->required();
  info_command->add_flag("--json", to_show.json, "Write JSON");
  info_command->callback([&] { info(to_show, output, width); });

  ConvertOptions to_convert;
  auto* convert_command = app.add_subcommand("convert", "Write weights in another format or dtype");
  convert_command->add_option("IN", to_convert.in, "A file of weights, or a folder")->required();
  convert_command
      ->add_option("OUT", to_convert.out,
                   "The format is that of the name: .safetensors, .npz, .npy, .gguf, or a folder")
      ->required();
  const std::map<std::string, mica::Dtype> dtypes{
      {"float16", mica::float16}, {"bfloat16", mica::bfloat16}, {"float32", mica::float32}};
  std::string dtype;
  convert_command->add_option("--dtype", dtype, "Of floating tensors: float16, bfloat16, float32")
      ->check(CLI::IsMember({"float16", "bfloat16", "float32"}));
  convert_command->callback([&] {
    if (!dtype.empty()) to_convert.dtype = dtypes.at(dtype);
    convert(to_convert, output);
  });

  QuantizeOptions to_quantize;
  auto* quantize_command =
      app.add_subcommand("quantize",
                         "Quantize matrices as nn::quantize does: those called\n"
                         "'....weight' whose rows are whole groups");
  quantize_command->add_option("IN", to_quantize.in, "A file of weights, or a folder")->required();
  quantize_command->add_option("OUT", to_quantize.out, "As in convert")->required();
  quantize_command->add_option("--bits", to_quantize.bits,
                               "Of a value; default: the mode's, 4 or 8");
  quantize_command->add_option("--group-size", to_quantize.group_size,
                               "Values that share a scale; default: the mode's, 64, 32 or 16");
  quantize_command->add_option("--mode", to_quantize.mode, "affine (default), mxfp4, mxfp8, nvfp4");
  quantize_command->add_option("--skip", to_quantize.skip,
                               "Keep tensors whose name contains this; may be repeated");
  quantize_command->callback([&] { quantize(to_quantize, output); });

  DiffOptions to_compare;
  auto* diff_command = app.add_subcommand("diff", "Compare two files of weights");
  diff_command->add_option("A", to_compare.a, "A file of weights, or a folder")->required();
  diff_command->add_option("B", to_compare.b, "A file of weights, or a folder")->required();
  diff_command->add_option("--atol", to_compare.absolute,
                           "Values are the same within atol + rtol * |b|; default: 0");
  diff_command->add_option("--rtol", to_compare.relative, "As above; default: 0");
  diff_command->callback([&] { status = diff(to_compare, output, width) ? 0 : 1; });

  app.add_subcommand("doctor", "What of this machine is used, and why not the rest")->callback([&] {
    doctor(output);
  });
  app.add_subcommand("bench", "Time a few operations beside what the machine could do")
      ->callback([&] { bench(output); });

  const auto is_command = [&](const std::string& name) {
    return !app.get_subcommands([&](const CLI::App* command) { return command->check_name(name); })
                .empty();
  };
  if (arguments.empty() || (!arguments[0].starts_with("-") && !is_command(arguments[0]))) {
    errors << "mica: expected info, convert, quantize, diff, doctor or bench, got "
           << (arguments.empty() ? "nothing" : "'" + arguments[0] + "'") << "; see mica --help\n";
    return 2;
  }
  try {
    std::reverse(arguments.begin(), arguments.end());
    app.parse(std::move(arguments));
    return status;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      app.exit(error, output, errors);
      return 0;
    }
    errors << "mica: " << error.what() << "; see mica --help\n";
  } catch (const std::exception& error) {
    errors << "mica: " << error.what() << "\n";
  }
  return 2;
}

}  // namespace tools
