# CBLAS, from OpenBLAS where it is installed.
#
# Defines the target Cblas::Cblas.
find_path(Cblas_INCLUDE_DIR cblas.h PATH_SUFFIXES openblas)
find_library(Cblas_LIBRARY NAMES openblas blas cblas)
mark_as_advanced(Cblas_INCLUDE_DIR Cblas_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  Cblas
  REQUIRED_VARS Cblas_LIBRARY Cblas_INCLUDE_DIR)

if(Cblas_FOUND AND NOT TARGET Cblas::Cblas)
  add_library(Cblas::Cblas UNKNOWN IMPORTED)
  set_target_properties(Cblas::Cblas PROPERTIES
    IMPORTED_LOCATION ${Cblas_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${Cblas_INCLUDE_DIR})
endif()
