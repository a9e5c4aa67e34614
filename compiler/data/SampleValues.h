// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DATA_SAMPLEVALUES_H
#define QUERN_COMPILER_DATA_SAMPLEVALUES_H

#include "compiler/data/DataDescription.h"
#include "compiler/data/Image.h"
#include "compiler/data/Npy.h"

#include "mlir/IR/Types.h"

#include <optional>

namespace quern::data {

/// Resizes and crops as the steps say. Fails if the crop is larger than the image.
llvm::Expected<Image> shapeImage(Image image, const ImageSteps &steps);

/// Writes an image's values in range, normalized and in the steps' layout, as f32 or ui8 (rounded
/// and clamped).
void writeImage(const Image &image, const ImageSteps &steps, mlir::Type element, char *buffer);

/// A whole number of an array of whole numbers; past int64_t it is -1.
int64_t loadInteger(ArrayType type, const char *source);
/// A shape as messages show it: "[1, 3, 224, 224]".
std::string describeDims(llvm::ArrayRef<int64_t> dims);

/// The type that a .npy file has for elements of the model; none for what it cannot hold.
std::optional<ArrayType> getArrayType(mlir::Type element);

/// Converts `count` elements to the model's type: integers must fit (a bad index must not wrap),
/// floats are rounded; integers may become floats but not the other way; NaN and infinity are
/// errors. Types that NumPy has no numbers for are taken as they are.
llvm::Error convertElements(ArrayType from, const char *source, mlir::Type to, char *target,
                            size_t count);

} // namespace quern::data

#endif // QUERN_COMPILER_DATA_SAMPLEVALUES_H
