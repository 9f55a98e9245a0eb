// Mosaics: patches joined from pieces of patches that hold one tissue each, whose masks are therefore known.
#pragma once

#include <cstdint>
#include <vector>

#include "wsss/dataset/patch_store.h"
#include "wsss/kernels/augment.h"

namespace wsss {

/// A patch of the set, turned and mirrored, and where in the mosaic it shows.
struct MosaicPiece {
  std::int64_t patch = 0;
  bool flip_horizontally = false;
  bool flip_vertically = false;
  std::int64_t quarter_turns = 0;  ///< 0 to 3.
  PieceSite site{};
};

/// Draws mosaics. What several tissues look like side by side need not be guessed from maps where patches of one tissue
/// say it (as PistoSeg, Fang et al. 2023): each piece's mask is that of its patch.
class Mosaics {
 public:
  /// Pieces of a mosaic are of one patient where one has patches of two classes, since else colours of stain would tell
  /// them apart; patients of one class give none then.
  ///
  /// @param share     of the patches of a training that are mosaics, in [0, 1].
  /// @param patients  whom each patch is of, in any numbers; empty: not known.
  /// @throws Error    kDataset unless two classes have a patch that is labelled with them alone.
  Mosaics(double share, const PatchStore& patches, const std::vector<std::int64_t>& patients);

  /// The pieces in the place of a patch, two to six of two classes or more; none if the patch itself is shown. A
  /// function of (seed, epoch, patch) alone.
  std::vector<MosaicPiece> draw(std::uint64_t seed, std::int64_t epoch, std::int64_t patch) const;

 private:
  /// The patches of a patient that hold one class each, by class; without known patients all are of one.
  using Patient = std::vector<std::vector<std::int64_t>>;

  /// A patch that may be the first piece, and whose other patches may be beside it.
  struct Source {
    std::size_t patient;
    std::int64_t patch;
  };

  void take(const std::vector<Patient>& patients);

  double share_;
  std::int64_t height_, width_;
  std::vector<Patient> patients_;
  std::vector<std::vector<Source>> of_class_;  ///< Of classes that have some.
  std::vector<std::size_t> class_of_;          ///< Of each of these, which class it is.
};

}  // namespace wsss
