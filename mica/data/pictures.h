// Sets of small pictures with labels, as their authors publish them. A sample is {picture, label}:
// (height, width, channels) of uint8, and a number of shape () of int32.
#pragma once

#include <array>
#include <string>

#include "mica/data/dataset.h"

namespace mica::data {

enum class Part { training, test };

// The binary version of CIFAR-10 (https://www.cs.toronto.edu/~kriz/cifar.html): data_batch_1.bin to
// data_batch_5.bin, or test_batch.bin, in the folder or its folder cifar-10-batches-bin. (32, 32,
// 3), labels below 10. Throws std::system_error where a file can't be read, std::invalid_argument
// naming the file and the record where it is wrong.
Dataset read_cifar10(const std::string& folder, Part part);
inline constexpr std::array<const char*, 10> cifar10_classes = {
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};

// MNIST's idx files, and those of others in its form, which may be compressed by gzip: of a folder
// with train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
// t10k-labels-idx1-ubyte, each with ".gz" behind it or not; or two files. (height, width, 1).
Dataset read_mnist(const std::string& folder, Part part);
Dataset read_mnist(const std::string& images, const std::string& labels);

}  // namespace mica::data
