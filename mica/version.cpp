#include "mica/version.h"

namespace mica {

Version library_version() { return header_version; }

}  // namespace mica
