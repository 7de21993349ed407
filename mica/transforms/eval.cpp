#include "mica/engine/engine.h"
#include "mica/transforms/transforms.h"

namespace mica {

void eval(std::vector<array> outputs) { engine::evaluate(std::move(outputs), false); }
void async_eval(std::vector<array> outputs) { engine::evaluate(std::move(outputs), true); }

}  // namespace mica
