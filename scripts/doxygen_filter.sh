#!/bin/sh
# What Doxygen reads of a header: comments that stand alone or end a declaration's line as its own,
# the first of them, at the top, as the file's.
sed -E 's@^( *)// ?@\1/// @; s@([;,{)]) +// @\1 ///< @
  1s@^/// @/// \\file\n/// @; 1,/^#pragma/s@<([a-z.]+)>@\\<\1\\>@g' "$1"
