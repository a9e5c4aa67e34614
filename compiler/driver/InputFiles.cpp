// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/driver/InputFiles.h"

#include "compiler/data/Image.h"
#include "compiler/data/Npy.h"
#include "compiler/package/Artifact.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace quern::driver {

namespace {

/// Where the pixels of an image lie in a tensor.
struct PixelLayout {
  int64_t height = 0, width = 0;
  int64_t channels = 1;
  bool channelsFirst = true;
};

/// One `--input` whose file is no .npy.
class InputFile {
public:
  InputFile(const RunOptions &options, const package::Tensor &tensor)
      : options(options), tensor(tensor) {}
  /// The elements of the tensor that the file stands for.
  llvm::Expected<std::vector<char>> convert(llvm::ArrayRef<char> file) const;

private:
  llvm::Expected<std::vector<char>> convertImage(llvm::ArrayRef<char> file) const;
  llvm::Error checkImageInput(const std::optional<PixelLayout> &layout) const;
  std::vector<char> place(const data::Image &image, const PixelLayout &layout) const;
  double normalize(uint8_t pixel, int64_t channel) const;
  void store(std::vector<char> &bytes, size_t index, double value) const;

  const RunOptions &options;
  const package::Tensor &tensor;
};

} // namespace

static std::vector<int64_t> getDims(const package::Tensor &tensor) {
  return tensor.dims() ? std::vector<int64_t>(tensor.dims()->begin(), tensor.dims()->end())
                       : std::vector<int64_t>();
}

static std::string describe(const package::Tensor &tensor) {
  std::string dims;
  for (int64_t dim : getDims(tensor))
    dims += (dims.empty() ? "" : ", ") + std::to_string(dim);
  return llvm::formatv("input '{0}', {1} [{2}]", tensor.name()->str(),
                       llvm::StringRef(package::EnumNameElementType(tensor.type())).lower(), dims)
      .str();
}

/// The type that a .npy file has for elements of the interface, by the record's numbers.
static data::ArrayType getArrayType(package::ElementType type) {
  using Array = data::ArrayType;
  static const Array types[] = {Array::F32,  Array::F32, Array::F16, Array::Raw2, Array::F64,
                                Array::Bool, Array::U8,  Array::S8,  Array::U16,  Array::S16,
                                Array::U32,  Array::S32, Array::U64, Array::S64,  Array::Raw1,
                                Array::Raw1, Array::U8,  Array::S8};
  auto index = static_cast<size_t>(type);
  return types[index < std::size(types) ? index : 0];
}

static bool isChannelCount(int64_t dim) { return dim == 1 || dim == 3; }

/// [C, H, W], [H, W, C] or [H, W], the first that fits; a leading 1 is the batch.
static std::optional<PixelLayout> getPixelLayout(llvm::ArrayRef<int64_t> dims) {
  if (dims.size() == 4 && dims[0] == 1)
    dims = dims.drop_front();
  if (dims.size() == 2)
    return PixelLayout{dims[0], dims[1], 1, true};
  if (dims.size() == 3 && isChannelCount(dims[0]))
    return PixelLayout{dims[1], dims[2], dims[0], true};
  if (dims.size() == 3 && isChannelCount(dims[2]))
    return PixelLayout{dims[0], dims[1], dims[2], false};
  return std::nullopt;
}

llvm::Error InputFile::checkImageInput(const std::optional<PixelLayout> &layout) const {
  bool isUnsigned = tensor.type() == package::ElementType::U8;
  bool isByte = isUnsigned || tensor.type() == package::ElementType::S8;
  bool isCode = tensor.quantization() && isByte;
  bool takesPixels = isCode || isUnsigned || tensor.type() == package::ElementType::F32;
  if (!layout || !takesPixels)
    return llvm::createStringError(
        "an image cannot become " + describe(tensor) +
        "; expected u8, f32 or 8-bit codes of shape [1, C, H, W] or [1, H, W, C], C being 1 or 3");
  bool normalizes = !options.imageMean.empty() || !options.imageStd.empty();
  if (normalizes && !isCode && isUnsigned)
    return llvm::createStringError("--image-mean and --image-std are for f32 and codes, found " +
                                   describe(tensor));
  for (const auto *values : {&options.imageMean, &options.imageStd})
    if (values->size() > 1 && static_cast<int64_t>(values->size()) != layout->channels)
      return llvm::createStringError(
          llvm::formatv("--image-mean and --image-std: expected 1 number or 1 for each of {0} "
                        "channels, found {1}",
                        layout->channels, values->size()));
  return llvm::Error::success();
}

double InputFile::normalize(uint8_t pixel, int64_t channel) const {
  auto pick = [&](const std::vector<double> &values, double fallback) {
    return values.empty() ? fallback : values.size() == 1 ? values[0] : values[channel];
  };
  return (pixel - pick(options.imageMean, 0)) / pick(options.imageStd, 1);
}

void InputFile::store(std::vector<char> &bytes, size_t index, double value) const {
  auto real = static_cast<float>(value);
  if (tensor.type() == package::ElementType::F32) {
    memcpy(bytes.data() + index * sizeof(real), &real, sizeof(real));
    return;
  }
  bool isSigned = tensor.type() == package::ElementType::S8;
  if (const auto *codes = tensor.quantization()) {
    float scale = codes->scales() && codes->scales()->size() ? codes->scales()->Get(0) : 1;
    int zero =
        codes->zero_points() && codes->zero_points()->size() ? codes->zero_points()->Get(0) : 0;
    real = std::nearbyint(real / scale) + static_cast<float>(zero);
  }
  real = std::clamp(real, isSigned ? -128.0F : 0.0F, isSigned ? 127.0F : 255.0F);
  bytes[index] = static_cast<char>(static_cast<int>(real));
}

std::vector<char> InputFile::place(const data::Image &image, const PixelLayout &layout) const {
  int64_t pixels = layout.width * layout.height;
  std::vector<char> bytes(tensor.bytes());
  for (int64_t channel = 0; channel < layout.channels; ++channel)
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
      size_t index =
          layout.channelsFirst ? channel * pixels + pixel : pixel * layout.channels + channel;
      uint8_t value = image.pixels[pixel * image.channels + (image.channels == 1 ? 0 : channel)];
      store(bytes, index, normalize(value, channel));
    }
  return bytes;
}

llvm::Expected<std::vector<char>> InputFile::convertImage(llvm::ArrayRef<char> file) const {
  std::optional<PixelLayout> layout = getPixelLayout(getDims(tensor));
  if (llvm::Error error = checkImageInput(layout))
    return std::move(error);
  auto image = data::decodeImage(file, {0, layout->height, layout->width});
  if (!image)
    return llvm::createStringError(describe(tensor) + ": " + llvm::toString(image.takeError()));
  if (image->channels > layout->channels)
    return llvm::createStringError(describe(tensor) +
                                   ": expected a grey image, found one in colour");
  if (tensor.type() == package::ElementType::F32 && options.imageMean.empty() &&
      options.imageStd.empty())
    llvm::errs() << "note: input '" << tensor.name()->str()
                 << "' takes the pixels as they are, 0 to 255; --image-mean and --image-std scale "
                    "them\n";
  return place(*image, *layout);
}

llvm::Expected<std::vector<char>> InputFile::convert(llvm::ArrayRef<char> file) const {
  if (data::isImage(file))
    return convertImage(file);
  if (file.size() != tensor.bytes())
    return llvm::createStringError(llvm::formatv(
        "expected a .npy, JPEG or PNG file, or {0} raw bytes for {1}, found {2} bytes",
        tensor.bytes(), describe(tensor), file.size()));
  return std::vector<char>(file.begin(), file.end());
}

/// The input that `NAME=FILE` means: names may contain '=', the longest that fits counts.
static const package::Tensor *matchInput(llvm::StringRef spec, const package::Package &package) {
  const package::Tensor *match = nullptr;
  if (!package.inputs())
    return nullptr;
  for (const package::Tensor *tensor : *package.inputs()) {
    llvm::StringRef rest = spec;
    bool fits = rest.consume_front(tensor->name()->string_view()) && rest.starts_with("=");
    if (fits && (!match || tensor->name()->size() > match->name()->size()))
      match = tensor;
  }
  return match;
}

static llvm::Expected<std::string> prepareInput(const RunOptions &options, const std::string &spec,
                                                const package::Package &package,
                                                const std::string &folder, size_t number) {
  const package::Tensor *tensor = matchInput(spec, package);
  if (!tensor)
    return spec;
  std::string path = spec.substr(tensor->name()->size() + 1);
  auto file = llvm::MemoryBuffer::getFile(path, false, false);
  // What cannot be opened is reported by the artifact.
  if (!file || (*file)->getBuffer().starts_with("\x93NUMPY"))
    return spec;
  auto bytes =
      InputFile(options, *tensor).convert(llvm::arrayRefFromStringRef<char>((*file)->getBuffer()));
  if (!bytes)
    return llvm::createStringError("'" + path + "': " + llvm::toString(bytes.takeError()));
  llvm::SmallString<128> output(folder);
  llvm::sys::path::append(output, std::to_string(number) + "-" +
                                      llvm::sys::path::filename(path).str() + ".npy");
  std::string header = data::makeNpyHeader(getArrayType(tensor->type()), getDims(*tensor));
  if (llvm::Error error = artifact::writeFile(output, [&](llvm::raw_ostream &stream) {
        stream << header << llvm::StringRef(bytes->data(), bytes->size());
      }))
    return std::move(error);
  return tensor->name()->str() + "=" + output.str().str();
}

llvm::Expected<std::vector<std::string>> prepareInputs(const RunOptions &options,
                                                       const package::Package &package,
                                                       const std::string &folder) {
  std::vector<std::string> prepared;
  for (const std::string &spec : options.inputs) {
    auto input = prepareInput(options, spec, package, folder, prepared.size());
    if (!input)
      return input.takeError();
    prepared.push_back(std::move(*input));
  }
  return prepared;
}

} // namespace quern::driver
