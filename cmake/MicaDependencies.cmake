# The libraries that mica and mica::text (PCRE2, utf8proc) link. All are private: no public header
# includes theirs. A program that links static libraries of mica needs them too.
#
# mica_find(name debian_package ...): the further arguments are find_package's.
macro(mica_find name debian_package)
  find_package(${name} QUIET ${ARGN})
  if(NOT ${name}_FOUND)
    message(FATAL_ERROR
      "mica needs ${name}, which was not found: install Debian's ${debian_package}, or run "
      "scripts/deps.sh, which installs all that is needed")
  endif()
endmacro()

mica_find(fmt libfmt-dev CONFIG)
mica_find(hwy libhwy-dev CONFIG)
mica_find(OpenMP "libomp-dev (with g++ nothing is needed)" COMPONENTS CXX)
find_package(Threads REQUIRED)
mica_find(Cblas libopenblas-openmp-dev)
mica_find(Dnnl libdnnl-dev)
mica_find(Kissfft libkissfft-dev)
mica_find(Lapacke liblapacke-dev)
mica_find(Libzip libzip-dev)
mica_find(Pcre2 libpcre2-dev)
mica_find(Utf8proc libutf8proc-dev)
mica_find(ZLIB zlib1g-dev)
mica_find(PNG libpng-dev)
mica_find(Turbojpeg libturbojpeg0-dev)

set(MICA_DEPENDENCIES
  fmt::fmt hwy::hwy hwy::hwy_contrib Cblas::Cblas Dnnl::Dnnl Kissfft::Kissfft Lapacke::Lapacke Libzip::Libzip
  PNG::PNG Turbojpeg::Turbojpeg ZLIB::ZLIB)
set(MICA_TEXT_DEPENDENCIES Pcre2::Pcre2 Utf8proc::Utf8proc)
