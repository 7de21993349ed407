# Refuses compilers that are known to fail on mica, before they do it in a thousand lines.
set(oldest_GNU 12)
set(oldest_Clang 14)
set(package_GNU g++)
set(package_Clang clang)
if(CMAKE_CXX_COMPILER_ID MATCHES "^(GNU|Clang)$")
  set(oldest ${oldest_${CMAKE_CXX_COMPILER_ID}})
  if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS oldest)
    message(FATAL_ERROR
      "mica needs C++20 as g++ 12 or clang 14 know it, got ${CMAKE_CXX_COMPILER}, which is "
      "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}. Install a newer one (Debian's "
      "package is ${package_${CMAKE_CXX_COMPILER_ID}}) and name it with -DCMAKE_CXX_COMPILER=...")
  endif()
else()
  message(WARNING "mica is tested with g++ and clang, not with ${CMAKE_CXX_COMPILER_ID}")
endif()
