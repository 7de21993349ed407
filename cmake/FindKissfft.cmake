# kissfft in single precision, included as kissfft/kiss_fft.h.
#
# Defines the target Kissfft::Kissfft.
find_path(Kissfft_INCLUDE_DIR kissfft/kiss_fft.h)
find_library(Kissfft_LIBRARY kissfft-float)
mark_as_advanced(Kissfft_INCLUDE_DIR Kissfft_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  Kissfft
  REQUIRED_VARS Kissfft_LIBRARY Kissfft_INCLUDE_DIR)

if(Kissfft_FOUND AND NOT TARGET Kissfft::Kissfft)
  add_library(Kissfft::Kissfft UNKNOWN IMPORTED)
  set_target_properties(Kissfft::Kissfft PROPERTIES
    IMPORTED_LOCATION ${Kissfft_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${Kissfft_INCLUDE_DIR})
endif()
