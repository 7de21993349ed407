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
  if(MICA_SANITIZE)
    set(flags -fsanitize=${MICA_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_compile_options(${target} PRIVATE ${flags})
    target_link_options(${target} PRIVATE ${flags})
  endif()
endfunction()
