#include "history/history_plan.h"

#include <algorithm>
#include <cstdlib>

namespace chrys {

namespace {

// More packets than any codec reorders.
constexpr size_t kReorderWindow = 20;
// Packets on either side that show how far a stream reorders its frames.
constexpr int64_t kReorderSample = 64;
// GOPs on either side that are searched for a replacement of a damaged frame. More of them when only keyframes are
// decoded.
constexpr size_t kGopsAround = 1;
constexpr size_t kKeyframesAround = 8;

double SecondsOf(const PacketInfo& packet, int64_t ticks) {
  return static_cast<double>(ticks) * packet.time_base_num / packet.time_base_den;
}

bool ShownBefore(const PacketInfo& one, const PacketInfo& other) { return one.pts < other.pts; }

// Maximum number of frames that are decoded before a frame and shown after it.
size_t ReorderDepth(const std::vector<PacketInfo>& packets) {
  size_t depth = 0;
  for (size_t i = 0; i < packets.size(); ++i) {
    size_t later = 0;
    for (size_t j = i - std::min(i, kReorderWindow); j < i; ++j) later += packets[j].pts > packets[i].pts ? 1 : 0;
    depth = std::max(depth, later);
  }
  return depth;
}

}  // namespace

std::vector<int64_t> UnsettledFrames(const PacketRingView& view, int64_t end) {
  const auto newest = ReadPacketInfo(view, end - 1);
  if (!newest) return {};
  // Read before `following`: a connection that is closed sends no further packets.
  const bool is_open = view.header().openConnection.load(std::memory_order_acquire) == newest->connection;
  const auto following = ReadPacketInfo(view, end);
  if (following ? following->connection != newest->connection : !is_open) return {};
  std::vector<PacketInfo> before_end;
  std::vector<PacketInfo> sample;  // of one connection
  size_t depth = 0;
  for (int64_t sequence = std::max<int64_t>(0, end - kReorderSample); sequence < end + kReorderSample; ++sequence) {
    const auto info = ReadPacketInfo(view, sequence);
    if (!info) continue;
    if (!sample.empty() && sample.back().connection != info->connection) {
      depth = std::max(depth, ReorderDepth(sample));
      sample.clear();
    }
    sample.push_back(*info);
    if (sequence < end && info->connection == newest->connection) before_end.push_back(*info);
  }
  depth = std::max(depth, ReorderDepth(sample));
  // The first packets of a connection do not show yet how far it reorders its frames.
  if (is_open && sample.size() < kReorderWindow) {
    depth = std::max(depth, static_cast<size_t>(view.header().declaredReorder.load(std::memory_order_relaxed)));
  }
  depth = std::min(depth, before_end.size());
  std::stable_sort(before_end.begin(), before_end.end(), ShownBefore);
  std::vector<int64_t> unsettled;
  for (size_t i = before_end.size() - depth; i < before_end.size(); ++i) unsettled.push_back(before_end[i].sequence);
  return unsettled;
}

HistoryPlan::HistoryPlan(const HistoryRange& range) : range_(range), begin_us_(range.from_us) {
  intervals_[0].store(range.interval_ms);
  schedule_.Update(intervals_.data(), range.interval_ms > 0 ? 1 << kFilterFirstInterval : 0);
}

void HistoryPlan::Continue(PacketRingView view, int64_t end) {
  view_ = view;
  end_ = end;
  overrun_ = false;
  unsettled_ = UnsettledFrames(view, end);
  const int64_t first = view.first_sequence();
  position_ = std::max(first, next_sequence_);
  const auto oldest = ReadPacketInfo(view_, position_);
  if (next_sequence_ == 0) {
    begin_us_ = std::max(range_.from_us, oldest ? oldest->arrival_us : 0);
  } else if (range_.nearest_us < 0 && position_ > next_sequence_ && (!oldest || oldest->arrival_us > range_.from_us)) {
    // Packets before the range are no loss.
    lost_ = true;
  }
  if (range_.nearest_us >= 0 && !around_) FindNearest();
}

void HistoryPlan::FindNearest() {
  nearest_ = 0;
  int64_t min_distance = INT64_MAX;
  bool decodable = false;
  for (int64_t sequence = position_; sequence < end_; ++sequence) {
    const auto info = ReadPacketInfo(view_, sequence);
    if (!info) continue;
    decodable = decodable || info->is_keyframe;
    if (!decodable || (range_.keyframes_only && !info->is_keyframe)) continue;
    if (IsUnsettled(sequence)) continue;
    const int64_t distance = std::abs(info->arrival_us - range_.nearest_us);
    if (distance > min_distance) continue;
    min_distance = distance;
    nearest_ = sequence;
  }
  around_begin_ = nearest_;
  around_end_ = nearest_ + 1;
}

bool HistoryPlan::IsUnsettled(int64_t sequence) const {
  return std::find(unsettled_.begin(), unsettled_.end(), sequence) != unsettled_.end();
}

void HistoryPlan::SelectNeighbours() {
  if (view_.base == nullptr) return;
  const auto nearest = ReadPacketInfo(view_, nearest_);
  if (!nearest) {
    // The nearest packet and all before it were overwritten, so another one is the nearest now.
    position_ = view_.first_sequence();
    FindNearest();
    return;
  }
  const size_t gops = range_.keyframes_only ? kKeyframesAround : kGopsAround;
  around_begin_ = nearest_;
  for (size_t begun = 0; begun <= gops;) {
    const auto info = ReadPacketInfo(view_, around_begin_);
    if (info && info->connection == nearest->connection && info->is_keyframe && ++begun > gops) break;
    const auto before = ReadPacketInfo(view_, around_begin_ - 1);
    if (!before || before->connection != nearest->connection) break;
    --around_begin_;
  }
  around_end_ = nearest_ + 1;
  for (size_t begun = 0; around_end_ < end_; ++around_end_) {
    const auto info = ReadPacketInfo(view_, around_end_);
    if (!info || info->connection != nearest->connection || (info->is_keyframe && ++begun > gops)) break;
  }
  position_ = around_begin_;
  around_ = true;
}

void HistoryPlan::Overrun(int64_t sequence) {
  next_sequence_ = sequence;
  position_ = end_;
  overrun_ = true;
}

std::vector<PacketInfo> HistoryPlan::ReadGop() {
  std::vector<PacketInfo> gop;
  int64_t sequence = position_;
  for (; sequence < end_; ++sequence) {
    const auto info = ReadPacketInfo(view_, sequence);
    if (!info) {
      Overrun(gop.empty() ? sequence : gop.front().sequence);
      return {};
    }
    if (gop.empty() && !info->is_keyframe) continue;
    if (!gop.empty() && (info->is_keyframe || info->connection != gop.front().connection)) break;
    gop.push_back(*info);
  }
  position_ = sequence;
  next_sequence_ = sequence;
  return gop;
}

bool HistoryPlan::InRange(const PacketInfo& packet) const {
  if (packet.is_hidden) return false;
  if (range_.keyframes_only && !packet.is_keyframe) return false;
  if (range_.nearest_us >= 0) {
    if (packet.sequence < around_begin_ || packet.sequence >= around_end_) return false;
  } else if (packet.arrival_us < range_.from_us || packet.arrival_us > range_.to_us) {
    return false;
  }
  return !IsUnsettled(packet.sequence);
}

std::vector<PacketInfo> HistoryPlan::SelectFrames(const std::vector<PacketInfo>& gop) {
  std::vector<PacketInfo> selected;
  std::copy_if(gop.begin(), gop.end(), std::back_inserter(selected),
               [&](const PacketInfo& packet) { return InRange(packet); });
  if (range_.interval_ms == 0 || selected.empty()) return selected;

  const PacketInfo& keyframe = gop.front();
  if (keyframe.connection != connection_) schedule_.Restart();
  connection_ = keyframe.connection;
  const auto [earliest, latest] = std::minmax_element(gop.begin(), gop.end(), ShownBefore);
  const double span = SecondsOf(keyframe, latest->pts - earliest->pts);
  const double frame = gop.size() > 1 ? span / static_cast<double>(gop.size() - 1) : 0;
  schedule_.BeginGop(SecondsOf(keyframe, keyframe.pts), span + frame, frame);
  std::stable_sort(selected.begin(), selected.end(), ShownBefore);
  std::vector<PacketInfo> due;
  for (const PacketInfo& packet : selected) {
    if (schedule_.Take(SecondsOf(packet, packet.pts), packet.is_keyframe) != 0) due.push_back(packet);
  }
  return due;
}

std::optional<GopPlan> HistoryPlan::Next() {
  while (position_ < end_) {
    const std::vector<PacketInfo> gop = ReadGop();
    if (gop.empty()) continue;
    const std::vector<PacketInfo> before = std::exchange(previous_gop_, gop);
    const PacketInfo& keyframe = gop.front();
    GopPlan plan;
    plan.connection = keyframe.connection;
    plan.first = keyframe.sequence;
    plan.end = position_;
    const bool follows = !before.empty() && before.back().sequence + 1 == keyframe.sequence &&
                         before.front().connection == keyframe.connection;
    if (follows) plan.lead_in = before.front().sequence;
    for (const PacketInfo& packet : SelectFrames(gop)) {
      // Computed while the neighbouring packets are in the ring.
      plan.frame_ids[packet.sequence] = FrameIdOf(view_, packet);
      plan.last_needed = std::max(plan.last_needed, packet.sequence);
      if (ShownBefore(packet, keyframe)) plan.leading.push_back(packet.sequence);
    }
    if (plan.frame_ids.empty()) continue;
    if (view_.first_sequence() <= plan.first) return plan;
    Overrun(plan.first);
  }
  return std::nullopt;
}

}  // namespace chrys
