// The headers of MLX about devices, streams, memory, dtypes, graphs and small helpers.
#include "tests/api/surface.h"

#include "mlx/graph_utils.h"
#include "mlx/mlx.h"

namespace {

using namespace mx;

TEST(ArraySurface, Runtime) {
  has<void()>(mx::clear_cache);
  has<size_t()>(mx::get_active_memory);
  has<size_t(const std::vector<array>&)>(mx::get_array_buffer_size);
  has<size_t()>(mx::get_cache_memory);
  has<size_t()>(mx::get_memory_limit);
  has<size_t()>(mx::get_peak_memory);
  has<void()>(mx::reset_peak_memory);
  has<size_t(size_t)>(mx::set_cache_limit);
  has<size_t(size_t)>(mx::set_memory_limit);
  has<size_t(size_t)>(mx::set_wired_limit);
  has<const Device&()>(mx::default_device);
  has<int(Device::DeviceType)>(mx::device_count);
  has<const std::unordered_map<std::string, std::variant<std::string, size_t>>&(const Device&)>(
      mx::device_info);
  has<bool(const Device&)>(mx::is_available);
  has<bool(const Device&, Device::DeviceType)>(mx::operator==);
  has<void(const Device&)>(mx::set_default_device);
  has<void()>(mx::clear_streams);
  has<Stream(Device)>(mx::default_stream);
  has<std::vector<Stream>()>(mx::get_streams);
  has<Stream(Device)>(mx::new_stream);
  has<ThreadLocalStream(Device)>(mx::new_thread_local_stream);
  has<Stream(Device)>(mx::new_thread_unsafe_stream);
  has<std::optional<Stream>(Device)>(mx::peek_default_stream);
  has<void(Stream)>(mx::set_default_stream);
  has<Stream(ThreadLocalStream)>(mx::stream_from_thread_local_stream);
  has<void()>(mx::synchronize);
  has<void(Stream)>(mx::synchronize);
  has<void(ThreadLocalStream)>(mx::synchronize);
  has<int()>(mx::env::bfs_max_width);
  has<Shape(const Shape&, const Shape&)>(mx::broadcast_shapes);
  has<bool()>(mx::env::enable_tf32);
  has<PrintFormatter&()>(mx::get_global_formatter);
  has<bool(int)>(mx::is_power_of_2);
  has<int(int)>(mx::env::max_mb_per_buffer);
  has<int(int)>(mx::env::max_ops_per_buffer);
  has<bool()>(mx::env::metal_fast_synch);
  has<const std::string&()>(mx::env::metal_gpu_arch);
  has<int(int)>(mx::env::nccl_timeout);
  has<int(int)>(mx::next_power_of_2);
  has<int(int, int, const std::string&)>(mx::normalize_axis_index);
  has<std::ostream&(std::ostream&, const Device&)>(mx::operator<<);
  has<std::ostream&(std::ostream&, const Stream&)>(mx::operator<<);
  has<std::ostream&(std::ostream&, const Dtype&)>(mx::operator<<);
  has<std::ostream&(std::ostream&, const Dtype::Kind&)>(mx::operator<<);
  has<std::ostream&(std::ostream&, const complex64_t&)>(mx::operator<<);
  has<std::ostream&(std::ostream&, const float16_t&)>(mx::operator<<);
  has<std::ostream&(std::ostream&, const bfloat16_t&)>(mx::operator<<);
  has<bool()>(mx::env::residency_debug);
  has<int()>(mx::env::residency_set_max_pct);
  EXPECT_EQ(mx::safe_cast(int64_t{3}, "op"), ShapeElem{3});
  std::ostringstream printed;
  printed << std::vector<int>{1, 2} << Shape{3} << Strides{4, 5} << array(6);
  EXPECT_EQ(printed.str(), "(1,2)(3)(4,5)array(6, dtype=int32)");
  has<Dtype(const array&, const array&)>(mx::result_type);
  has<Dtype(const array&, const array&, const array&)>(mx::result_type);
  has<Dtype(const std::vector<array>&)>(mx::result_type);
  has<void(PrintOptions)>(mx::set_printoptions);
  has<Stream(S)>(mx::to_stream);
  has<Stream(S, Device)>(mx::to_stream);
  has<bool(const Dtype&, const Dtype&)>(mx::issubdtype);
  has<bool(const Dtype::Category&, const Dtype&)>(mx::issubdtype);
  has<bool(const Dtype&, const Dtype::Category&)>(mx::issubdtype);
  has<bool(const Dtype::Category&, const Dtype::Category&)>(mx::issubdtype);
  has<Dtype::Kind(const Dtype&)>(mx::kindof);
  has<Dtype(const Dtype&, const Dtype&)>(mx::promote_types);
  has<uint8_t(const Dtype&)>(mx::size_of);
  has<void()>(mx::disable_compile);
  has<void()>(mx::enable_compile);
  has<void(CompileMode)>(mx::set_compile_mode);
  has<void(std::ostream&, NodeNamer, const std::vector<array>&)>(mx::export_to_dot);
  has<void(std::ostream&, const std::vector<array>&)>(mx::export_to_dot);
  has<void(std::ostream&, NodeNamer, const std::vector<array>&)>(mx::print_graph);
  has<void(std::ostream&, const std::vector<array>&)>(mx::print_graph);
  std::ostringstream graph;
  mx::print_graph(graph, array(1), array(2));
  mx::print_graph(graph, mx::NodeNamer{}, array(1));
  mx::export_to_dot(graph, array(1), array(2));
  mx::export_to_dot(graph, mx::NodeNamer{}, array(1));
  EXPECT_FALSE(graph.str().empty());
}

TEST(ArraySurface, Backends) {
  has<bool()>(mx::metal::is_available);
  has<void(std::string)>(mx::metal::start_capture);
  has<void()>(mx::metal::stop_capture);
  has<const std::unordered_map<std::string, std::variant<std::string, size_t>>&()>(
      mx::metal::device_info);
  EXPECT_FALSE(mx::metal::is_available());
  EXPECT_THROW(mx::metal::device_info(), std::runtime_error);
  has<bool()>(mx::cu::is_available);
  has<bool()>(mx::gpu::is_available);
  has<int()>(mx::gpu::device_count);
  EXPECT_EQ(mx::cu::is_available(), mx::gpu::device_count() > 0);
  EXPECT_EQ(mx::cu::device_info().empty(), !mx::cu::is_available());
  EXPECT_FALSE(mx::distributed::is_available("mpi"));
  has<const char*()>(mx::version);
  EXPECT_EQ(MLX_VERSION_NUMERIC, 32004);
}

TEST(ArraySurface, Settings) {
  EXPECT_EQ(mx::env::bfs_max_width(), 20);
  EXPECT_EQ(mx::env::max_ops_per_buffer(7), 7);
  EXPECT_EQ(mx::env::get_var("MICA_NO_SUCH_VARIABLE", 3), 3);
  EXPECT_TRUE(mx::env::enable_tf32());
  EXPECT_EQ(mx::env::metal_gpu_arch(), "");
}

}  // namespace
