# mica_compile_options(target): the flags of every target of this project. Nothing is contracted
# into fused multiply-adds, so that fusing ops changes no bit of their results.
function(mica_compile_options target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -ffp-contract=off)
  # g++ 12 sees overlapping copies in std::string's operator+ that aren't there (GCC bug 105651).
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(${target} PRIVATE -Wno-restrict)
  endif()
  if(MICA_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(MICA_FUZZ)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  if(MICA_SANITIZE)
    set(flags -fsanitize=${MICA_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_compile_options(${target} PRIVATE ${flags})
    target_link_options(${target} PRIVATE ${flags})
  endif()
endfunction()

# mica_library_options(target): those, and what libraries need besides. Inside another project
# nothing of that project's settings changes what mica computes or stops its build: its optimization
# is on where no build type is set, its warnings are nobody's errors.
function(mica_library_options target)
  mica_compile_options(${target})
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON UNITY_BUILD OFF)
  if(NOT PROJECT_IS_TOP_LEVEL)
    set_target_properties(${target} PROPERTIES
      CXX_VISIBILITY_PRESET default VISIBILITY_INLINES_HIDDEN OFF)
    target_compile_options(${target} PRIVATE
      -fno-fast-math $<$<CONFIG:>:-O3> $<$<NOT:$<BOOL:${MICA_WERROR}>>:-Wno-error>)
    target_compile_definitions(${target} PRIVATE $<$<CONFIG:>:NDEBUG>)
  endif()
  set(exports ${PROJECT_SOURCE_DIR}/cmake/exports.map)
  get_target_property(type ${target} TYPE)
  if(type STREQUAL SHARED_LIBRARY)
    target_link_options(${target} PRIVATE LINKER:--version-script=${exports})
    set_target_properties(${target} PROPERTIES LINK_DEPENDS ${exports})
  endif()
endfunction()
