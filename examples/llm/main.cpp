// Runs language models from Hugging Face folders: continues texts, chats, quantizes.
#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "arguments.h"
#include "chat.h"
#include "load.h"
#include "mica/mica.h"
#include "text.h"

namespace llm {

namespace {

namespace fs = std::filesystem;
using mica::text::Tokenizer;

struct Options {
  std::string model;
  std::string dtype = "float32";
  int bits = 0;
  int group_size = 0;
  std::string mode = "affine";

  GenerationOptions generation;
  int chunk = 512;
  int most = 0;
  int keep = 4;

  std::string prompt;
  std::string system;
  std::string chat_template;
  std::string output;
  int bench_prompt = 128;
  int bench_tokens = 100;
};

void add_model_options(CLI::App& app, Options& o) {
  app.add_option("--model", o.model, "folder with config.json, safetensors and tokenizer files");
  app.add_option("--dtype", o.dtype, "of the weights that are not quantized")
      ->check(CLI::IsMember({"float32", "bfloat16", "float16", "stored"}))
      ->capture_default_str();
  app.add_option("--bits", o.bits, "quantize to so many bits a weight")->check(CLI::Range(2, 8));
  app.add_option("--group-size", o.group_size, "weights that share a scale")
      ->check(CLI::IsMember({16, 32, 64, 128}));
  app.add_option("--mode", o.mode, "of quantization")
      ->check(CLI::IsMember({"affine", "mxfp4", "mxfp8", "nvfp4"}))
      ->capture_default_str();
}

void add_cache_options(CLI::App& app, Options& o) {
  app.add_option("--chunk", o.chunk, "tokens of a prompt that are run at once")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--max-kv", o.most, "tokens to keep, older ones are forgotten (default: all)")
      ->check(CLI::Range(2, 1 << 30));
  app.add_option("--keep", o.keep, "the first tokens, which --max-kv does not forget")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
}

void add_sampling_options(CLI::App& app, Options& o) {
  SamplingOptions& s = o.generation.sampling;
  app.add_option("--max-tokens", o.generation.max_tokens, "of a text")
      ->check(CLI::Range(1, 1 << 30))
      ->capture_default_str();
  app.add_option("--temperature", s.temperature, "0 chooses the most likely token")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  app.add_option("--top-k", s.top_k, "choose among the k most likely tokens (0: all)")
      ->check(CLI::Range(0, 1 << 30))
      ->capture_default_str();
  app.add_option("--top-p", s.top_p, "choose among the most likely with this probability")
      ->check(CLI::Range(1e-9, 1.0))
      ->capture_default_str();
  app.add_option("--min-p", s.min_p, "choose among those this likely beside the most likely one")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--repetition-penalty", s.repetition_penalty, "of recent tokens")
      ->check(CLI::Range(1e-3, 1e3))
      ->capture_default_str();
  app.add_option("--repetition-context", s.repetition_context, "tokens that are recent")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  app.add_option("--seed", s.seed, "of the choices")->capture_default_str();
  app.add_option("--stop", o.generation.stop, "a text that ends the answer; may be repeated")
      ->allow_extra_args(false);
}

LoadOptions load_options(const Options& o, bool quantizes) {
  LoadOptions load;
  if (o.dtype == "stored") load.dtype = std::nullopt;
  if (o.dtype == "bfloat16") load.dtype = mica::bfloat16;
  if (o.dtype == "float16") load.dtype = mica::float16;
  if (o.bits == 0 && o.group_size == 0 && o.mode == "affine" && !quantizes) return load;
  load.quantize.emplace();
  load.quantize->mode = *quantization_mode(o.mode);
  if (o.bits) load.quantize->bits = o.bits;
  if (o.group_size) load.quantize->group_size = o.group_size;
  return load;
}

CacheOptions cache_options(const Options& o, int capacity) {
  CacheOptions cache{.capacity = capacity, .keep = o.keep};
  if (o.most) {
    cache.most = o.most;
    cache.keep = std::min(cache.keep, o.most - 1);
  }
  return cache;
}

void need_model(const Options& o) {
  if (o.model.empty()) throw std::invalid_argument("--model: expected a folder, got none");
}

// A tokenizer whose tokens the model knows.
Tokenizer load_tokenizer(const Options& o, const LanguageModel& model) {
  Tokenizer tokenizer = Tokenizer::load(o.model);
  if (tokenizer.vocab_size() > model.vocabulary_size()) {
    throw std::invalid_argument(fmt::format(
        "{}: tokenizer: expected at most the {} tokens of config.json's vocab_size, got {}",
        o.model, model.vocabulary_size(), tokenizer.vocab_size()));
  }
  return tokenizer;
}

void print_text(std::string_view text) { std::cout << text << std::flush; }

// Results go to standard output, what is said about them to standard error.
void print_note(const std::string& text) {
  std::cout << std::flush;
  std::cerr << text << std::endl;
}

int run_generate(const Options& o) {
  need_model(o);
  const LoadedModel loaded = load_model(o.model, load_options(o, false));
  const Tokenizer tokenizer = load_tokenizer(o, *loaded.model);
  GenerationOptions generation = o.generation;
  generation.end_tokens = loaded.config.end_tokens;
  const std::vector<int> prompt = tokenizer.encode(o.prompt);
  if (prompt.empty()) throw std::invalid_argument("prompt: expected text, got none");
  const int room = static_cast<int>(std::min<size_t>(
      prompt.size() + static_cast<size_t>(generation.max_tokens), size_t{1} << 14));
  Session session(*loaded.model, cache_options(o, room), o.chunk);
  const Generated generated = generate(session, tokenizer, prompt, generation, print_text);
  std::cout << '\n';
  print_note(speed(generated));
  return 0;
}

int run_chat(const Options& o) {
  need_model(o);
  const ChatTemplate* const chosen = find_template(o.chat_template);
  const ChatTemplate& format = chosen ? *chosen : template_of(o.model);
  const LoadedModel loaded = load_model(o.model, load_options(o, false));
  GenerationOptions generation = o.generation;
  generation.end_tokens = loaded.config.end_tokens;
  Chat chat(*loaded.model, load_tokenizer(o, *loaded.model), format, begin_token(o.model),
            cache_options(o, 1024), generation);
  chat.set_system(o.system);
  const bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
  if (terminal) print_note("Ctrl-D ends the conversation");
  std::string message;
  while (true) {
    if (terminal) print_text("> ");
    if (!std::getline(std::cin, message)) break;
    if (message.empty()) continue;
    const Generated generated = chat.answer(message, print_text);
    std::cout << '\n';
    print_note(speed(generated));
  }
  return 0;
}

int run_quantize(const Options& o) {
  need_model(o);
  const LoadedModel loaded = load_model(o.model, load_options(o, true));
  save_model(o.output, loaded, o.model);
  const nn::QuantizationOptions& format = loaded.config.quantization->common;
  std::cout << fmt::format("wrote {}: {} bits, groups of {}, mode {}\n", o.output, *format.bits,
                           *format.group_size, nn::name_of(format.mode));
  return 0;
}

int run_info(const Options& o) {
  need_model(o);
  const LoadedModel loaded = load_model(o.model, {.dtype = std::nullopt});
  size_t count = 0, bytes = 0;
  for (const auto& [name, p] : tree_flatten(loaded.model->parameters())) {
    count += p.size();
    bytes += p.nbytes();
  }
  std::string format = fmt::format("{} parameters", count);
  if (loaded.config.quantization) {
    const nn::QuantizationOptions& q = loaded.config.quantization->common;
    format = fmt::format("quantized in mode {}", nn::name_of(q.mode));
    if (q.bits) format += fmt::format(", {} bits", *q.bits);
  }
  std::cout << *loaded.model << '\n'
            << fmt::format("{}: {}, {:.1f} MB\n{} tokens in the vocabulary, {} positions\n",
                           loaded.config.model_type, format, static_cast<double>(bytes) / 1e6,
                           loaded.model->vocabulary_size(), loaded.config.positions);
  return 0;
}

double milliseconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

// A Llama of 100 million random weights, where there is no model.
LoadedModel bench_model(const Options& o) {
  if (!o.model.empty()) return load_model(o.model, load_options(o, false));
  const DecoderConfig config = llama_config(8192, 1024, 2816, 8, 16, 16);
  LoadedModel loaded{{"llama", config, 2048}, std::make_unique<Decoder>(config)};
  const LoadOptions load = load_options(o, false);
  if (load.dtype) loaded.model->set_dtype(*load.dtype);
  if (load.quantize) {
    nn::quantize(*loaded.model,
                 {load.quantize->group_size, load.quantize->bits, load.quantize->mode});
  }
  mica::eval(loaded.model->parameters());
  return loaded;
}

int run_bench(const Options& o) {
  const LoadedModel loaded = bench_model(o);
  const int vocabulary = loaded.model->vocabulary_size();
  std::vector<int> prompt;
  for (int i = 0; i < o.bench_prompt; ++i) prompt.push_back((300 + i) % vocabulary);
  const CacheOptions cache{.capacity = o.bench_prompt + o.bench_tokens + 8};
  std::vector<double> prefill, decode, building;
  for (int i = 0; i < 5; ++i) {
    Session session(*loaded.model, cache, o.chunk);
    prefill.push_back(milliseconds([&] { session.feed(prompt); }));
  }
  Session session(*loaded.model, cache, o.chunk);
  session.feed(std::span(prompt).first(1));
  const auto before = mica::counters();
  for (int i = 0; i < o.bench_tokens; ++i) {
    decode.push_back(
        milliseconds([&] { session.feed(std::span(prompt).subspan(prompt.size() / 2, 1)); }));
  }
  const auto after = mica::counters();
  Cache unused(loaded.model->windows(), cache);
  const mica::array token({7}, mica::Shape{1, 1});
  for (int i = 0; i < 20; ++i)
    building.push_back(milliseconds([&] { (*loaded.model)(token, unused); }));
  const auto median = [](std::vector<double> times) {
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
  };
  std::cout << fmt::format(
      "prefill of {} tokens {:.2f} ms, decode {:.3f} ms a token ({:.1f} tokens/s), of which "
      "building the graph {:.3f} ms; {} plans made for {} tokens\n",
      prompt.size(), median(prefill), median(decode), 1000 / median(decode), median(building),
      after.plan_misses - before.plan_misses, o.bench_tokens);
  return 0;
}

}  // namespace

}  // namespace llm

int main(int argc, char** argv) {
  CLI::App app("Runs language models from Hugging Face folders.", "llm");
  app.failure_message(examples::failure_text);
  app.require_subcommand(1);
  app.fallthrough();
  llm::Options options;
  llm::add_model_options(app, options);

  CLI::App& generate = *app.add_subcommand("generate", "continues a text");
  generate.add_option("prompt", options.prompt, "the text")->required();
  CLI::App& chat = *app.add_subcommand("chat", "answers what is typed, or piped in, line by line");
  chat.add_option("--system", options.system, "what the model is told first");
  chat.add_option("--template", options.chat_template, "format of messages (default: the model's)")
      ->check(CLI::IsMember({"chatml", "llama3", "llama2", "mistral", "gemma"}));
  for (CLI::App* command : {&generate, &chat}) {
    llm::add_sampling_options(*command, options);
    llm::add_cache_options(*command, options);
  }
  CLI::App& quantize = *app.add_subcommand("quantize", "writes a folder with fewer bits a weight");
  quantize.add_option("--output", options.output, "the new folder")->required();
  CLI::App& info = *app.add_subcommand("info", "prints the model's structure");
  CLI::App& bench = *app.add_subcommand("bench", "times random weights, or a model")->group("");
  bench.add_option("--prompt", options.bench_prompt)->check(CLI::Range(2, 1 << 20));
  bench.add_option("--tokens", options.bench_tokens)->check(CLI::Range(1, 1 << 20));
  bench.add_option("--chunk", options.chunk)->check(CLI::Range(1, 1 << 20));

  CLI11_PARSE(app, argc, argv);
  try {
    if (generate.parsed()) return llm::run_generate(options);
    if (chat.parsed()) return llm::run_chat(options);
    if (quantize.parsed()) return llm::run_quantize(options);
    if (info.parsed()) return llm::run_info(options);
    return llm::run_bench(options);
  } catch (const std::exception& error) {
    std::cerr << "llm: " << error.what() << '\n';
    return 1;
  }
}
