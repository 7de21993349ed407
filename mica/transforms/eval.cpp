#include "mica/engine/engine.h"
#include "mica/transforms/transforms.h"

namespace mica {

void eval(std::vector<array> outputs) { engine::evaluate(outputs, false); }
void async_eval(std::vector<array> outputs) { engine::evaluate(outputs, true); }

}  // namespace mica
