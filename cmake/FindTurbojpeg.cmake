# libjpeg-turbo's own interface.
#
# Defines the target Turbojpeg::Turbojpeg.
find_path(Turbojpeg_INCLUDE_DIR turbojpeg.h)
find_library(Turbojpeg_LIBRARY turbojpeg)
mark_as_advanced(Turbojpeg_INCLUDE_DIR Turbojpeg_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  Turbojpeg
  REQUIRED_VARS Turbojpeg_LIBRARY Turbojpeg_INCLUDE_DIR)

if(Turbojpeg_FOUND AND NOT TARGET Turbojpeg::Turbojpeg)
  add_library(Turbojpeg::Turbojpeg UNKNOWN IMPORTED)
  set_target_properties(Turbojpeg::Turbojpeg PROPERTIES
    IMPORTED_LOCATION ${Turbojpeg_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${Turbojpeg_INCLUDE_DIR})
endif()
