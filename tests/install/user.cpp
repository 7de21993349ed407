#include <mica/data/data.h>
#include <mica/logging/logging.h>
#include <mica/mica.h>

#include <iostream>

int main() {
  const mica::array x({1, 2, 3}, mica::float32);
  std::cout << sum(square(x)) << " " << mica::Shape{2, 3} << "\n";
  std::cout << mica::data::from_arrays({x}).size() << " samples, " << mica::logging::duration(75)
            << "\n";
  return mica::library_version() == mica::header_version ? 0 : 1;
}
