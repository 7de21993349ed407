# The libraries that mica and mica::text (PCRE2, utf8proc) link. All are private: no public header
# includes theirs. A program that links static libraries of mica needs them too.
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(Threads REQUIRED)
find_package(fmt CONFIG REQUIRED)
find_package(hwy CONFIG REQUIRED)
find_package(Cblas REQUIRED)
find_package(Dnnl REQUIRED)
find_package(Kissfft REQUIRED)
find_package(Lapacke REQUIRED)
find_package(Libzip REQUIRED)
find_package(Pcre2 REQUIRED)
find_package(Utf8proc REQUIRED)

set(MICA_DEPENDENCIES
  fmt::fmt hwy::hwy Cblas::Cblas Dnnl::Dnnl Kissfft::Kissfft Lapacke::Lapacke Libzip::Libzip)
