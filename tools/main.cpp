#include <unistd.h>

#include <iostream>

#include "mica/logging/readable.h"
#include "program.h"

int main(int count, char** arguments) {
  return tools::run({arguments + 1, arguments + count}, std::cout, std::cerr,
                    mica::logging::terminal_columns(STDOUT_FILENO));
}
