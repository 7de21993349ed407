# cmake -D BUILD=... -D WORK=... -D CXX=... -P test.cmake: installs mica from BUILD, moves the
# installation, and builds and runs a program against it.
set(user_build ${WORK}/user-build)
set(moved ${WORK}/moved/here)
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK}/moved)

function(run)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command} failed (${code}):\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/installed)
file(RENAME ${WORK}/installed ${moved})
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${user_build}
  -D CMAKE_PREFIX_PATH=${moved} -D CMAKE_CXX_COMPILER=${CXX} -D CMAKE_BUILD_TYPE=Debug)
run(${CMAKE_COMMAND} --build ${user_build})

run(${user_build}/user)
if(NOT output STREQUAL "array(14, dtype=float32) (2,3)\n")
  message(FATAL_ERROR "the program printed '${output}'")
endif()
run(${user_build}/mlx_user)
if(NOT output STREQUAL "array(3, dtype=float32)\n")
  message(FATAL_ERROR "the program written for MLX printed '${output}'")
endif()

# The public headers stand without those of the libraries behind them.
run(${CXX} -std=c++20 -M -I${moved}/include ${CMAKE_CURRENT_LIST_DIR}/user.cpp)
foreach(private fmt nlohmann oneapi hwy lapacke kissfft omp zip)
  if(output MATCHES "/${private}(/|\\.h)")
    message(FATAL_ERROR "a public header includes one of ${private}:\n${output}")
  endif()
endforeach()
