// Data for training: datasets that give samples by number, transforms of samples, and a loader that
// shuffles, batches and prepares them on threads of its own. A sample is a list of arrays, such as
// {image, label}; a batch the same list with one more axis in front.
//
//   auto training = data::read_cifar10(folder, data::Part::training)
//                       .map(data::random_crop(4)).map(data::random_flip());
//   data::Loader batches(training, {.batch_size = 128, .shuffle = true, .seed = 1});
//   for (const data::Sample& batch : batches) step(batch[0], batch[1]);  // one epoch
//
// What is random depends on seeds and numbers alone, never on threads or what came before, so that
// a loader put to a position (Loader::seek) goes on as the one that reached it.
#pragma once

#include "mica/data/csv.h"
#include "mica/data/dataset.h"
#include "mica/data/image.h"
#include "mica/data/loader.h"
#include "mica/data/pictures.h"
#include "mica/data/text.h"
#include "mica/data/transforms.h"
