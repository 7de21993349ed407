# cmake -D CASE=... -D BUILD=... -D WORK=... -D CXX=... -P test.cmake: builds and runs the programs
# of this folder against mica from BUILD, as its users do. CASE is
#   shared, static   an installation that was moved, with find_package
#   pkg-config       the same without CMake
#   deb              Debian packages, unpacked into a folder
#   subdirectory     the sources of mica as a part of the program's project
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})

function(run)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command} failed (${code}):\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

function(expect what got expected)
  if(NOT got MATCHES "${expected}")
    message(FATAL_ERROR "${what}: expected ${expected}, got\n${got}")
  endif()
endfunction()

function(refuse what got refused)
  if(got MATCHES "${refused}")
    message(FATAL_ERROR "${what}: expected nothing like ${refused}, got '${CMAKE_MATCH_0}' in\n${got}")
  endif()
endfunction()

function(check_programs folder)
  run(${folder}/user)
  expect(user "${output}" "^array\\(14, dtype=float32\\) \\(2,3\\)\n3 samples, 1:15\n$")
  run(${folder}/mlx_user)
  expect(mlx_user "${output}" "^array\\(3, dtype=float32\\)\n$")
  run(${folder}/text_user)
  expect(text_user "${output}" "^slow\n$")
endfunction()

# Builds the project here; its settings are ARGN.
function(check_project)
  set(project ${WORK}/build)
  run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${project} -D CMAKE_CXX_COMPILER=${CXX}
    -D CMAKE_EXPORT_COMPILE_COMMANDS=ON ${ARGN})
  run(${CMAKE_COMMAND} --build ${project} -j2)
  check_programs(${project})
  set(output "${output}" PARENT_SCOPE)

  # The programs see mica's headers, in one folder, and nothing of the libraries behind it.
  file(READ ${project}/compile_commands.json commands)
  string(REGEX MATCHALL "\"command\": \"[^\n]*[^_]user\\.cpp\"" command "${commands}")
  string(REGEX MATCHALL " -(I|isystem|D) ?[^ ]+" seen "${command}")
  list(REMOVE_ITEM seen " -DNDEBUG")
  list(LENGTH seen folders)
  if(NOT folders EQUAL 1)
    message(FATAL_ERROR "user.cpp: expected one include directory and no definition, got ${command}")
  endif()
  refuse("user.cpp's command" "${command}" " -(fopenmp|ffp|fno|march|Wpedantic|Wno)[^ ]*")
endfunction()

set(private "/(fmt|nlohmann|oneapi|dnnl|hwy|kissfft)/|/(cblas|lapacke|omp|zip)\\.h")
function(check_headers folder)
  run(${CXX} -std=c++20 -M -I${folder} ${CMAKE_CURRENT_LIST_DIR}/user.cpp)
  refuse("headers included by user.cpp" "${output}" "${private}")
  file(GLOB_RECURSE headers ${folder}/*.h)
  foreach(header IN LISTS headers)
    file(STRINGS ${header} lines REGEX "^#include")
    refuse(${header} "${lines}" "<(fmt|nlohmann|oneapi|hwy|kissfft|pcre2|utf8proc|cblas|lapacke|omp|png|turbojpeg|zip|zlib)[./]")
  endforeach()
endfunction()

function(install_and_move)
  run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/installed)
  file(MAKE_DIRECTORY ${WORK}/moved)
  file(RENAME ${WORK}/installed ${WORK}/moved/here)
endfunction()

set(moved ${WORK}/moved/here)
if(CASE STREQUAL "shared")
  install_and_move()
  check_project(-D CMAKE_PREFIX_PATH=${moved} -D CMAKE_BUILD_TYPE=Debug)
  check_headers(${moved}/include)

  execute_process(
    COMMAND ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${WORK}/none
      -D CMAKE_PREFIX_PATH=${moved} -D CMAKE_CXX_COMPILER=${CXX} -D MICA_COMPONENTS=gpu
    OUTPUT_QUIET ERROR_VARIABLE output)
  expect("a component that is not there" "${output}" "no component gpu: installed are mica, mlx_compat")

  # The libraries export mica's names and no others.
  foreach(name mica mica_text)
    file(GLOB library ${moved}/lib*/lib${name}.so)
    run(nm -D --defined-only ${library})
    string(REGEX REPLACE "[0-9a-f]+ [A-Za-z] _Z[A-Za-z0-9_]*(4mica|3mlx)[^\n]*\n" "" others "${output}")
    expect("names that ${name} exports" "${others}" "^$")
  endforeach()
  file(GLOB library ${moved}/lib*/libmica.so)
  run(strip -o ${WORK}/stripped.so ${library})
  file(SIZE ${WORK}/stripped.so size)
  if(size GREATER_EQUAL 15000000)
    message(FATAL_ERROR "libmica.so: expected less than 15 MB stripped, got ${size} bytes")
  endif()
elseif(CASE STREQUAL "static")
  install_and_move()
  file(GLOB shared ${moved}/lib*/libmica*.so*)
  file(REMOVE ${shared})
  check_project(-D CMAKE_PREFIX_PATH=${moved} -D MICA_COMPONENTS=static -D CMAKE_BUILD_TYPE=Release)
elseif(CASE STREQUAL "pkg-config")
  install_and_move()
  file(GLOB_RECURSE package ${moved}/mica.pc)
  get_filename_component(folder ${package} DIRECTORY)
  get_filename_component(library ${folder} DIRECTORY)
  set(ENV{PKG_CONFIG_PATH} ${folder})
  set(ENV{LD_LIBRARY_PATH} ${library})
  run(pkg-config --exact-version=${VERSION} mica)
  run(pkg-config --cflags mica)
  expect(cflags "${output}" "^-I[^ ]*/include -std=c\\+\\+20 ?\n$")
  foreach(variant "" --static)
    if(variant STREQUAL "--static")
      file(GLOB shared ${moved}/lib*/libmica*.so*)
      file(REMOVE ${shared})
    endif()
    run(pkg-config ${variant} --cflags --libs mica)
    separate_arguments(flags UNIX_COMMAND "${output}")
    run(${CXX} ${CMAKE_CURRENT_LIST_DIR}/user.cpp -o ${WORK}/user ${flags})
    run(${CXX} ${CMAKE_CURRENT_LIST_DIR}/mlx_user.cpp -o ${WORK}/mlx_user
      -I${moved}/include/mica/compat ${flags})
    run(pkg-config ${variant} --cflags --libs mica-text)
    separate_arguments(flags UNIX_COMMAND "${output}")
    run(${CXX} ${CMAKE_CURRENT_LIST_DIR}/text_user.cpp -o ${WORK}/text_user ${flags})
    check_programs(${WORK})
  endforeach()
elseif(CASE STREQUAL "deb")
  get_filename_component(tools ${CMAKE_COMMAND} DIRECTORY)
  run(${tools}/cpack --config ${BUILD}/CPackConfig.cmake -B ${WORK}/packages)
  file(GLOB packages ${WORK}/packages/*.deb)
  foreach(package IN LISTS packages)
    run(dpkg-deb -I ${package})
    string(APPEND information "${output}")
    run(dpkg-deb -c ${package})
    string(APPEND contents "${output}")
    run(dpkg-deb -x ${package} ${WORK}/root)
  endforeach()
  expect(packages "${information}" "Package: libmica0.1\n")
  expect(packages "${information}" "Package: libmica-dev\n")
  expect(dependencies "${information}" "Depends: libmica0.1 \\(= ${VERSION}\\)")
  expect(dependencies "${information}" "Depends: [^\n]*libdnnl[0-9.]+ [^\n]*libopenblas0")
  expect(contents "${contents}" "/libmica\\.so\\.${VERSION}\n")
  refuse(contents "${contents}" " \\./(opt|home|root|tmp|usr/local)/")
  expect(packages "${information}" "Package: mica-tools\n")
  run(${WORK}/root/usr/bin/mica --version)
  expect("mica --version" "${output}" "^mica ${VERSION}\n$")
  check_project(-D CMAKE_PREFIX_PATH=${WORK}/root/usr)
elseif(CASE STREQUAL "subdirectory")
  # The project has its own ideas of the standard, warnings, visibility and tests. What mica's
  # sources compile to is taken from BUILD, for those that were compiled with the same flags.
  check_project(
    -G Ninja
    -D MICA_FOLDER=${SOURCE}
    -D CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CURRENT_LIST_DIR}/reuse_objects.sh$<SEMICOLON>${BUILD}
    -D CMAKE_CXX_FLAGS=-Wall\ -Wextra\ -Werror
    -D CMAKE_CXX_STANDARD=17
    -D CMAKE_CXX_VISIBILITY_PRESET=hidden
    -D BUILD_TESTING=ON
    -D CMAKE_BUILD_TYPE=)
else()
  message(FATAL_ERROR "CASE: expected a case, got '${CASE}'")
endif()
