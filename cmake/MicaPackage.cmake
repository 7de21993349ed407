# Debian packages, by `cpack` in the build folder: libmica0.1 (what programs run with), libmica-dev
# (what they are built with) and mica-tools (the program mica). What they depend on is computed from
# the libraries that the binaries link.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME mica)
set(CPACK_PACKAGE_VENDOR mica)
set(CPACK_PACKAGE_CONTACT "The mica authors <mica@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Arrays, transforms and neural networks for C++")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL runtime dev)
if(MICA_BUILD_TOOLS)
  list(APPEND CPACK_COMPONENTS_ALL tools)
endif()
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/mica)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME
  libmica${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "Arrays, transforms and neural networks for C++: library")
set(runtime "${CPACK_DEBIAN_RUNTIME_PACKAGE_NAME} (= ${PROJECT_VERSION})")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libmica-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS ${runtime})
# For programs that link libmica.a.
string(JOIN ", " CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS
  libdnnl-dev libfmt-dev libhwy-dev libkissfft-dev liblapacke-dev libopenblas-openmp-dev libpcre2-dev
  libpng-dev libturbojpeg0-dev libutf8proc-dev libzip-dev zlib1g-dev)
set(CPACK_COMPONENT_DEV_DESCRIPTION "Arrays, transforms and neural networks for C++: headers")

set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME mica-tools)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION science)
set(CPACK_DEBIAN_TOOLS_PACKAGE_DEPENDS ${runtime})
set(CPACK_COMPONENT_TOOLS_DESCRIPTION
  "Arrays, transforms and neural networks for C++: the program mica")

include(CPack)
