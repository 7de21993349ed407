// export.h of MLX.
#include "tests/api/surface.h"

#include "mlx/export.h"

namespace {

using namespace mx;

TEST(ArraySurface, Export) {
  has<void(const std::string&, const std::function<std::vector<array>(const Args&)>&, const Args&,
           bool, const std::string&)>(mx::export_function);
  has<void(const std::string&, const std::function<std::vector<array>(const Kwargs&)>&,
           const Kwargs&, bool, const std::string&)>(mx::export_function);
  has<void(const std::string&, const std::function<std::vector<array>(const Args&, const Kwargs&)>&,
           const Args&, const Kwargs&, bool, const std::string&)>(mx::export_function);
  has<void(const ExportCallback&, const std::function<std::vector<array>(const Args&)>&,
           const Args&, bool)>(mx::export_function);
  has<void(const ExportCallback&, const std::function<std::vector<array>(const Kwargs&)>&,
           const Kwargs&, bool)>(mx::export_function);
  has<void(const ExportCallback&,
           const std::function<std::vector<array>(const Args&, const Kwargs&)>&, const Args&,
           const Kwargs&, bool)>(mx::export_function);
  has<FunctionExporter(const std::string&, const std::function<std::vector<array>(const Args&)>&,
                       bool, const std::string&)>(mx::exporter);
  has<FunctionExporter(const std::string&, const std::function<std::vector<array>(const Kwargs&)>&,
                       bool, const std::string&)>(mx::exporter);
  has<FunctionExporter(const std::string&,
                       const std::function<std::vector<array>(const Args&, const Kwargs&)>&, bool,
                       const std::string&)>(mx::exporter);
  has<FunctionExporter(const ExportCallback&, const std::function<std::vector<array>(const Args&)>&,
                       bool)>(mx::exporter);
  has<FunctionExporter(const ExportCallback&,
                       const std::function<std::vector<array>(const Kwargs&)>&, bool)>(
      mx::exporter);
  has<FunctionExporter(const ExportCallback&,
                       const std::function<std::vector<array>(const Args&, const Kwargs&)>&, bool)>(
      mx::exporter);
  has<ImportedFunction(const std::string&)>(mx::import_function);
}

}  // namespace
