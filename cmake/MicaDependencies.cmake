# The libraries that mica and mica::text (PCRE2, utf8proc) link. All are private: no public header
# includes theirs. A program that links static libraries of mica needs them too.
macro(mica_find_config name debian_package)
  find_package(${name} CONFIG QUIET)
  if(NOT ${name}_FOUND)
    message(FATAL_ERROR
      "Could NOT find ${name}: Debian's package is ${debian_package} (scripts/deps.sh installs it)")
  endif()
endmacro()

mica_find_config(fmt libfmt-dev)
mica_find_config(hwy libhwy-dev)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(Threads REQUIRED)
find_package(Cblas REQUIRED)
find_package(Dnnl REQUIRED)
find_package(Kissfft REQUIRED)
find_package(Lapacke REQUIRED)
find_package(Libzip REQUIRED)
find_package(Pcre2 REQUIRED)
find_package(Utf8proc REQUIRED)
find_package(PNG REQUIRED)
find_package(Turbojpeg REQUIRED)
find_package(ZLIB REQUIRED)

set(MICA_DEPENDENCIES
  fmt::fmt hwy::hwy hwy::hwy_contrib Cblas::Cblas Dnnl::Dnnl Kissfft::Kissfft Lapacke::Lapacke Libzip::Libzip
  PNG::PNG Turbojpeg::Turbojpeg ZLIB::ZLIB)
set(MICA_TEXT_DEPENDENCIES Pcre2::Pcre2 Utf8proc::Utf8proc)
