#include <mica/text/tokenizer.h>

#include <iostream>

int main() {
  const auto tokenizer = mica::text::train_bpe("low low lower", {.vocab_size = 258});
  std::cout << tokenizer.decode(tokenizer.encode("slow")) << "\n";
}
