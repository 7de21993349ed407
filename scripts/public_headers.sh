#!/bin/sh
# The headers that a program sees: what the headers for users include, and these.
cd "$(dirname "$0")/.." || exit
printf '#include "mica/%s.h"\n' mica data/data logging/logging text/tokenizer |
  "${CXX:-g++}" -std=c++20 -I. -MM -x c++ - | tr -s ' \\' '\n' |
  grep '^mica/' | grep -v '^mica/engine/' | sort
