# What is installed, and how programs find it: find_package(mica COMPONENTS ...) and pkg-config.
#
# Everything is relative to the prefix, which can be moved. Three parts can be installed apart
# (cmake --install --component, the Debian packages): runtime, dev and tools.
include(CMakePackageConfigHelpers)

set(mica_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/mica)
set_property(GLOBAL PROPERTY MICA_COMPONENTS)

# What must be built before `cmake --install`.
if(MICA_INSTALL)
  add_custom_target(mica_installed)
endif()

# mica_component(name target): installs a library as find_package(mica COMPONENTS name), which
# defines mica::name. Its sources and libraries must be set already: where the library is shared,
# MICA_STATIC adds a static one of the same objects, mica::name with COMPONENTS static.
function(mica_component name target)
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  get_target_property(type ${target} TYPE)
  set(variants ${target})
  if(type STREQUAL SHARED_LIBRARY)
    set_target_properties(${target} PROPERTIES
      VERSION ${PROJECT_VERSION}
      SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
      INSTALL_RPATH $ORIGIN)
    if(MICA_STATIC)
      mica_static_variant(${name} ${target})
      list(APPEND variants ${target}_static)
    endif()
  endif()
  if(NOT MICA_INSTALL)
    return()
  endif()
  foreach(variant IN LISTS variants)
    string(REGEX REPLACE "^${target}" ${name} set ${variant})
    install(TARGETS ${variant} EXPORT mica-${set}
      LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT dev
      ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
    install(EXPORT mica-${set}
      NAMESPACE mica:: FILE mica-${set}-targets.cmake DESTINATION ${mica_package_dir}
      COMPONENT dev)
    if(NOT type STREQUAL INTERFACE_LIBRARY)
      add_dependencies(mica_installed ${variant})
    endif()
  endforeach()
  set_property(GLOBAL APPEND PROPERTY MICA_COMPONENTS ${name})
endfunction()

function(mica_static_variant name target)
  add_library(${target}_static STATIC $<TARGET_OBJECTS:${target}>)
  get_target_property(output ${target} OUTPUT_NAME)
  if(NOT output)
    set(output ${target})
  endif()
  set_target_properties(${target}_static PROPERTIES
    EXPORT_NAME ${name} OUTPUT_NAME ${output} LINKER_LANGUAGE CXX)
  get_target_property(private ${target} LINK_LIBRARIES)
  get_target_property(public ${target} INTERFACE_LINK_LIBRARIES)
  get_target_property(features ${target} INTERFACE_COMPILE_FEATURES)
  get_target_property(includes ${target} INTERFACE_INCLUDE_DIRECTORIES)
  if(public)
    list(REMOVE_ITEM private ${public})
    target_link_libraries(${target}_static PUBLIC ${public})
  endif()
  if(private)
    target_link_libraries(${target}_static PRIVATE ${private})
  endif()
  target_compile_features(${target}_static PUBLIC ${features})
  target_include_directories(${target}_static PUBLIC ${includes})
endfunction()

# Writes -l options for the libraries that the targets stand for.
function(mica_link_flags out)
  set(flags "")
  foreach(target IN LISTS ARGN)
    foreach(property IMPORTED_LOCATION IMPORTED_LOCATION_RELEASE IMPORTED_LOCATION_NONE)
      get_target_property(location ${target} ${property})
      if(location)
        break()
      endif()
    endforeach()
    if(location)
      get_filename_component(directory ${location} DIRECTORY)
      get_filename_component(library ${location} NAME_WE)
      string(REGEX REPLACE "^lib" "" library ${library})
      if(NOT directory IN_LIST CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES)
        list(APPEND flags -L${directory})
      endif()
      list(APPEND flags -l${library})
    endif()
  endforeach()
  list(JOIN flags " " flags)
  set(${out} ${flags} PARENT_SCOPE)
endfunction()

# The headers, the package files, and those that find what a static libmica needs.
function(mica_install_package)
  install(
    DIRECTORY ${PROJECT_SOURCE_DIR}/mica
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    COMPONENT dev
    FILES_MATCHING
    PATTERN "*.h"
    PATTERN "*.def"
    PATTERN "engine/cpu" EXCLUDE
    REGEX "/io/(cursor|json|zip)\\.h$" EXCLUDE
    REGEX "/text/" EXCLUDE)
  install(
    FILES ${PROJECT_SOURCE_DIR}/mica/text/tokenizer.h
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/mica/text
    COMPONENT dev)

  get_property(mica_components GLOBAL PROPERTY MICA_COMPONENTS)
  configure_package_config_file(
    ${PROJECT_SOURCE_DIR}/cmake/mica-config.cmake.in ${PROJECT_BINARY_DIR}/mica-config.cmake
    INSTALL_DESTINATION ${mica_package_dir})
  write_basic_package_version_file(
    ${PROJECT_BINARY_DIR}/mica-config-version.cmake COMPATIBILITY SameMinorVersion)
  install(
    FILES ${PROJECT_BINARY_DIR}/mica-config.cmake ${PROJECT_BINARY_DIR}/mica-config-version.cmake
    DESTINATION ${mica_package_dir}
    COMPONENT dev)
  install(
    DIRECTORY ${PROJECT_SOURCE_DIR}/cmake/
    DESTINATION ${mica_package_dir}
    COMPONENT dev
    FILES_MATCHING
    PATTERN "Find*.cmake"
    PATTERN "MicaDependencies.cmake")

  set(name mica)
  set(description "${PROJECT_DESCRIPTION}")
  set(requires "")
  mica_link_flags(private_libraries ${MICA_DEPENDENCIES})
  string(APPEND private_libraries " ${OpenMP_CXX_FLAGS} ${CMAKE_THREAD_LIBS_INIT}")
  mica_install_pkg_config()
  set(name mica_text)
  set(description "Tokenizers")
  set(requires "mica = ${PROJECT_VERSION}")
  mica_link_flags(private_libraries ${MICA_TEXT_DEPENDENCIES})
  mica_install_pkg_config()
endfunction()

# The .pc file of the library ${name}: mica_text's is mica-text.pc.
function(mica_install_pkg_config)
  string(REPLACE _ - package ${name})
  file(RELATIVE_PATH prefix /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
  set(file ${PROJECT_BINARY_DIR}/${package}.pc)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/mica.pc.in ${file} @ONLY)
  install(FILES ${file} DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
endfunction()
