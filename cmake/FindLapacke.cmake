# LAPACKE, on whichever LAPACK the system's alternative selects (OpenBLAS with OpenMP).
#
# Defines the target Lapacke::Lapacke.
find_path(Lapacke_INCLUDE_DIR lapacke.h)
find_library(Lapacke_LIBRARY lapacke)
mark_as_advanced(Lapacke_INCLUDE_DIR Lapacke_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  Lapacke
  REQUIRED_VARS Lapacke_LIBRARY Lapacke_INCLUDE_DIR)

if(Lapacke_FOUND AND NOT TARGET Lapacke::Lapacke)
  add_library(Lapacke::Lapacke UNKNOWN IMPORTED)
  set_target_properties(Lapacke::Lapacke PROPERTIES
    IMPORTED_LOCATION ${Lapacke_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${Lapacke_INCLUDE_DIR})
endif()
