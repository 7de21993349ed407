#!/bin/sh
# What Doxygen reads of a header: comments that stand alone or end a declaration's line as its own.
sed -E 's@^( *)// ?@\1/// @; s@([;,{)]) +// @\1 ///< @' "$1"
