#include "rtsp/jpeg_size.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace chrys::rtsp {

namespace {

// The header holds eight bits in units of eight pixels, so its sizes wrap here.
constexpr int kWrapPixels = 2048;
constexpr int kMaxHeaderPixels = 2040;
constexpr int kMaxWraps = 7;
constexpr int kUnitWidth = 16;
constexpr int kMaxPixels = 65'535;
// Maximum ratio of the longer side to the shorter one.
constexpr size_t kMaxAspect = 4;
// A layout is right if its vertical neighbours differ at most this many times as much as those of the next best layout.
constexpr double kClearly = 0.8;
// A usual size is taken as long as its vertical neighbours differ at most this many times as much as those of the best
// layout.
constexpr double kUsualBonus = 2;

// Usual sizes of cameras above 2040 pixels that cannot be found by the number of units: they are not a multiple of the
// unit, or another layout has the same number of units.
struct Pixels {
  int width;
  int height;
};
constexpr Pixels kUsualSizes[] = {
    {2048, 1536}, {2048, 2048}, {2304, 1296}, {2304, 1728}, {2448, 2048}, {2560, 1440}, {2560, 1600}, {2560, 1920},
    {2560, 2048}, {2592, 1520}, {2592, 1944}, {2688, 1512}, {2688, 1520}, {2880, 1620}, {2880, 2160}, {2944, 1656},
    {3008, 1688}, {3072, 1728}, {3072, 2048}, {3072, 2304}, {3200, 1800}, {3264, 2448}, {3328, 1872}, {3648, 2736},
    {3840, 2160}, {4000, 3000}, {4096, 2160}, {4096, 3072}, {4512, 2512}, {4608, 2592}, {5120, 1440}, {5120, 2880},
    {5472, 3648}, {7680, 4320}, {2160, 3840}, {1440, 2560}, {1520, 2688}, {1944, 2592}, {2880, 2880}, {2992, 2992}};

int UnitHeight(bool is_420) { return is_420 ? 16 : 8; }

size_t Columns(int width) { return static_cast<size_t>((width + kUnitWidth - 1) / kUnitWidth); }
size_t Rows(int height, bool is_420) {
  return static_cast<size_t>((height + UnitHeight(is_420) - 1) / UnitHeight(is_420));
}

// The header's value for this many pixels if the camera rounds down.
int InHeader(int pixels) { return pixels / 8 * 8 % kWrapPixels; }

// How much vertical neighbours differ if a row has `columns` units.
double Roughness(const std::vector<int16_t>& brightness, size_t columns) {
  int64_t sum = 0;
  for (size_t i = columns; i < brightness.size(); ++i) sum += std::abs(brightness[i] - brightness[i - columns]);
  return static_cast<double>(sum) / static_cast<double>(std::max<size_t>(1, brightness.size() - columns));
}

// All numbers of pixels that the header's value can mean.
std::vector<int> HeaderCandidates(int header) {
  std::vector<int> candidates;
  for (int wraps = 0; wraps <= kMaxWraps; ++wraps) {
    const int pixels = header + wraps * kWrapPixels;
    if (pixels == 0 || pixels + 8 > kMaxPixels) continue;
    candidates.push_back(pixels);
    candidates.push_back(pixels + 8);
  }
  return candidates;
}

struct Layout {
  size_t columns = 0;
  size_t rows = 0;
  double roughness = 0;
  std::optional<JpegSize> usual;
};

// All layouts with the scan's number of units that the header allows. The header says 0 for at least one side.
std::vector<Layout> Layouts(const JpegScan& scan, bool is_420, const JpegHints& hints) {
  std::vector<Layout> layouts;
  const auto fits = [](int header, size_t first, size_t last) {  // pixels, both inclusive
    if (header == 0) return last > static_cast<size_t>(kMaxHeaderPixels);
    const auto candidates = HeaderCandidates(header);
    return std::any_of(candidates.begin(), candidates.end(), [&](int pixels) {
      return static_cast<size_t>(pixels) >= first && static_cast<size_t>(pixels) <= last;
    });
  };
  // Some cameras write 0 for both sides when only one is too large.
  const bool both = hints.header_width == 0 && hints.header_height == 0;
  const auto unit_height = static_cast<size_t>(UnitHeight(is_420));
  for (size_t columns = 1; columns <= kMaxPixels / kUnitWidth; ++columns) {
    if (scan.units % columns != 0) continue;
    const size_t rows = scan.units / columns;
    const size_t width = columns * kUnitWidth;
    const size_t height = rows * unit_height;
    if (height > kMaxPixels || width > height * kMaxAspect || height > width * kMaxAspect) continue;
    const bool wide = fits(hints.header_width, width - kUnitWidth + 1, width);
    const bool high = fits(hints.header_height, height - unit_height + 1, height);
    if (both ? !wide && !high : !wide || !high) continue;
    Layout layout{columns, rows, Roughness(scan.brightness, columns), std::nullopt};
    for (const Pixels& usual : kUsualSizes) {
      if (Columns(usual.width) != columns || Rows(usual.height, is_420) != rows) continue;
      layout.usual = JpegSize{usual.width, usual.height, is_420};
    }
    layouts.push_back(layout);
  }
  return layouts;
}

JpegSize SizeOf(const Layout& layout, bool is_420, const JpegHints& hints) {
  if (layout.usual) return *layout.usual;
  JpegSize size;
  size.width = std::min(static_cast<int>(layout.columns) * kUnitWidth, kMaxPixels);
  size.height = std::min(static_cast<int>(layout.rows) * UnitHeight(is_420), kMaxPixels);
  size.is_420 = is_420;
  // A side that fits into the header is exact.
  if (hints.header_width > 0 && Columns(hints.header_width) == layout.columns) size.width = hints.header_width;
  if (hints.header_height > 0 && Rows(hints.header_height, is_420) == layout.rows) size.height = hints.header_height;
  return size;
}

}  // namespace

size_t JpegUnits(const JpegSize& size) { return Columns(size.width) * Rows(size.height, size.is_420); }

std::optional<JpegSize> FitJpegSize(const JpegScan& scan, bool is_420, const JpegHints& hints) {
  const auto matches = [&](int width, int height) {
    return width > 0 && height > 0 && JpegUnits({width, height, is_420}) == scan.units;
  };
  if (matches(hints.header_width, hints.header_height)) {
    return JpegSize{hints.header_width, hints.header_height, is_420};
  }
  if (matches(hints.declared_width, hints.declared_height)) {
    return JpegSize{hints.declared_width, hints.declared_height, is_420};
  }
  if (matches(hints.usual_width, hints.usual_height)) return JpegSize{hints.usual_width, hints.usual_height, is_420};

  if (hints.header_width > 0 && hints.header_height > 0) {
    // Some cameras round down a size that is not a multiple of eight.
    for (const Pixels& usual : kUsualSizes) {
      if (InHeader(usual.width) != hints.header_width || InHeader(usual.height) != hints.header_height) continue;
      if (matches(usual.width, usual.height)) return JpegSize{usual.width, usual.height, is_420};
    }
    for (const int width : HeaderCandidates(hints.header_width)) {
      for (const int height : HeaderCandidates(hints.header_height)) {
        if (matches(width, height)) return JpegSize{width, height, is_420};
      }
    }
    return std::nullopt;
  }
  const std::vector<Layout> layouts = Layouts(scan, is_420, hints);
  if (layouts.size() == 1) return SizeOf(layouts.front(), is_420, hints);
  const Layout* best = nullptr;
  const Layout* usual = nullptr;
  size_t usual_layouts = 0;
  for (const Layout& layout : layouts) {
    if (best == nullptr || layout.roughness < best->roughness) best = &layout;
    if (!layout.usual) continue;
    ++usual_layouts;
    if (usual == nullptr || layout.roughness < usual->roughness) usual = &layout;
  }
  if (best == nullptr) return std::nullopt;
  double second = std::numeric_limits<double>::infinity();
  double second_usual = second;
  for (const Layout& layout : layouts) {
    if (&layout != best) second = std::min(second, layout.roughness);
    if (&layout != usual && layout.usual) second_usual = std::min(second_usual, layout.roughness);
  }
  // A picture without structure fits every layout. Then it gets the usual size.
  const bool usual_fits = usual != nullptr && usual->roughness <= best->roughness * kUsualBonus;
  const bool only_usual = usual_layouts == 1 || (usual != nullptr && usual->roughness < kClearly * second_usual);
  if (usual_fits && only_usual) return SizeOf(*usual, is_420, hints);
  if (best->roughness < kClearly * second) return SizeOf(*best, is_420, hints);
  return std::nullopt;
}

}  // namespace chrys::rtsp
