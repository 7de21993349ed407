#include <mica/array/dtype.h>
#include <mica/array/shape.h>

#include <iostream>

int main() {
  std::cout << mica::promote_types(mica::int32, mica::float16) << mica::Shape{2, 3} << "\n";
}
