# The libraries mica is built on. All are private: no public header includes theirs.
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(Threads REQUIRED)
find_package(fmt CONFIG REQUIRED)
find_package(hwy CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(Dnnl REQUIRED)
find_package(Kissfft REQUIRED)
find_package(Lapacke REQUIRED)
