// What a training run shows and leaves behind: progress on a terminal, curves as SVG, rows of a CSV
// file, and event files for TensorBoard. Nothing here touches arrays but the histograms of
// EventWriter; nothing depends on where a program runs but Display.
#pragma once

#include "mica/logging/chart.h"
#include "mica/logging/csv_log.h"
#include "mica/logging/event_writer.h"
#include "mica/logging/progress.h"
