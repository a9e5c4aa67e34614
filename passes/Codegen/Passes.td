// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_CODEGEN_PASSES_TD
#define QUERN_PASSES_CODEGEN_PASSES_TD

include "mlir/Pass/PassBase.td"

class TargetOption
    : Option<"target", "target", "std::string", "\"fake\"",
             "name of a registered target, as `--list-targets` prints it">;

def DetachSums : Pass<"detach-sums", "::mlir::func::FuncOp"> {
  let summary = "Takes the sums of left operands out of products where a reduction is cheaper";
  let description = [{
    A product whose right operand has a zero point asks for the sums of its left operand's rows. Inside
    the product they cost a step for every four codes and panel of columns, and registers; a
    reduction of the rows reads each code once. Sums of products (`lhs_sum`) and of 1x1 convolutions
    with unit strides (`window_sum`) become reductions where rows, terms and columns make that
    cheaper. The sums are exact either way.

    Example:
    ```mlir
    %acc, %sum = quern.matmul %x, %w : tensor<197x384xui8>, tensor<384x384xsi8> -> tensor<197x384xsi32> lhs_sum tensor<197x1xsi32>
    // becomes
    %sum = quern.reduce sum %x axes [1] : tensor<197x384xui8> -> tensor<197x1xsi32>
    %acc = quern.matmul %x, %w : tensor<197x384xui8>, tensor<384x384xsi8> -> tensor<197x384xsi32>
    ```
    Tested in test/Passes/Codegen/detach-sums.mlir.
  }];
  let dependentDialects = ["::quern::qir::QuernDialect"];
}

def FormDispatches : Pass<"form-dispatches", "::mlir::func::FuncOp"> {
  let summary = "Groups the ops of @main into dispatches: one kernel each";
  let description = [{
    An op that does the work (convolution, product, pool, row op, gather, …) is an anchor. The map
    that reads the anchor's results at their own index joins it as epilogue when nothing else
    reads them; of two anchors that one map reads (a residual addition) the later one takes it, so
    that the dispatch runs when both operands exist. Reductions of a contraction's f32 result to its
    largest and smallest element, which dynamic quantization asks for, join its dispatch: the values
    are in registers there. A map that feeds only a softmax, a layer
    normalization or a reduction joins that as prologue. Maps without an anchor are dispatches.

    Transposes, slices and broadcasts are folded into the affine maps of the maps that read them or
    that they read, or become maps that only copy. Reshapes stay outside: they are views. One that stands between
    an anchor and its map is moved behind the map when the map's other operands allow it.
    A map that transposes a product's run-time right operand makes it as it lies in memory instead
    (`transposed`). What @main returns is made a dispatch's own result, once each.

    Example:
    ```mlir
    %acc = quern.matmul %x, %w : tensor<4x8xui8>, tensor<8x16xsi8> -> tensor<4x16xsi32>
    %y = quern.map ins(%acc : tensor<4x16xsi32>) maps [affine_map<(d0, d1) -> (d0, d1)>] {…} -> tensor<4x16xui8>
    // becomes
    %y = quern.dispatch ins(%x, %w : tensor<4x8xui8>, tensor<8x16xsi8>) {
    ^bb0(%a: tensor<4x8xui8>, %b: tensor<8x16xsi8>):
      %acc = quern.matmul %a, %b : tensor<4x8xui8>, tensor<8x16xsi8> -> tensor<4x16xsi32>
      %q = quern.map ins(%acc : tensor<4x16xsi32>) maps [affine_map<(d0, d1) -> (d0, d1)>] {…} -> tensor<4x16xui8>
      quern.return %q : tensor<4x16xui8>
    } -> tensor<4x16xui8>
    ```
  }];
  let dependentDialects = ["::quern::qir::QuernDialect"];
}

def CombineExtremes : Pass<"combine-extremes", "::mlir::func::FuncOp"> {
  let summary = "Lets each unit of a dispatch find its own extremes, and combines them in another";
  let description = [{
    Units of a dispatch may run at the same time: a reduction of all that a contraction's dispatch
    computes becomes partial results of each of its units (`#quern.packed<"parts", 16, units, bytes>`),
    and a dispatch that reduces those. A largest or smallest element does not depend on the order.
    Runs once tiles, and so units, are known.

    Example:
    ```mlir
    %y, %hi = quern.dispatch … { … quern.matmul … quern.map … quern.reduce max … } -> …, tensor<1x1xf32>
    // becomes
    %y, %parts = quern.dispatch … -> …, tensor<1x1xf32, #quern.packed<"parts", 16, 8, 512>>
    %hi = quern.dispatch ins(%parts : …) { … quern.reduce max … } -> tensor<1x1xf32>
    ```
  }];
  let options = [TargetOption<>];
  let dependentDialects = ["::quern::qir::QuernDialect"];
}

def AssignLayout : Pass<"assign-layout", "::mlir::func::FuncOp"> {
  let summary = "Decides how dispatch operands lie in memory: halos and packed matrices";
  let description = [{
    For targets that want padded inputs, the input of a convolution or pool that reads outside its
    input gets a halo: `#quern.padded<top, left, bottom, right>`, as wide as the pads of the widest of
    the consumers that agree on the fill. The producer writes the halo in place
    (`fill` on its dispatch) when all readers of the value can step over it; otherwise a dispatch
    with a `quern.relayout` makes a padded copy. A fill known only at run time is an operand of
    that relayout. The convolution keeps its `pads`: the encoding only says that they exist in memory.

    The right operand of a contraction for which the target has a packed form is relaid out: a
    constant by a `quern.relayout` in @main, which `pack-weights` evaluates, a run-time matrix by a
    dispatch of its own. That takes the map that makes the matrix along. The matrix's column
    sums (`rhs_sum`) are no longer the product's: they are computed there, too.

    Example:
    ```mlir
    %x = quern.dispatch … -> tensor<1x8x8x16xui8>
    %y = quern.dispatch ins(%x, %w …) { … quern.conv … pads [1, 1, 1, 1] … }
    // becomes
    %x = quern.dispatch … fill 3 : i32 {…} -> tensor<1x8x8x16xui8, #quern.padded<1, 1, 1, 1>>
    %p = quern.relayout %w : tensor<…> -> tensor<…, #quern.packed<"fake", 16, 4, 2304>>
    %y = quern.dispatch ins(%x, %p …) { … quern.conv … pads [1, 1, 1, 1] … }
    ```
  }];
  let options = [TargetOption<>];
  let dependentDialects = ["::quern::qir::QuernDialect"];
}

def ShareLiterals : Pass<"share-literals", "::mlir::func::FuncOp"> {
  let summary = "Makes literals that differ from layer to layer operands, so that kernels are shared";
  let description = [{
    Dispatches that differ only in the values of their operands share a kernel. The zero points of
    `quern.to_code` are literals until here: each one that is not 0 becomes a constant operand of its
    dispatch, read by the map as a run-time zero point. The arithmetic is the same.

    Example:
    ```mlir
    %y = quern.dispatch ins(%x : tensor<4xf32>) { … quern.to_code %f zero_point 3 range [0, 255] … }
    // becomes
    %z = quern.constant(dense<3> : tensor<1xsi32>) : tensor<1xsi32>
    %y = quern.dispatch ins(%x, %z : tensor<4xf32>, tensor<1xsi32>) {
      … quern.to_code %f zero_point %zp + 0 range [0, 255] …
    }
    ```
    Tested in test/Passes/Codegen/share-literals.mlir.
  }];
  let dependentDialects = ["::quern::qir::QuernDialect"];
}

def ExtendContractions : Pass<"extend-contractions", "::mlir::func::FuncOp"> {
  let summary = "Lets a contraction's dispatch go on with the table or softmax that alone reads it";
  let description = [{
    A table of codes that a contraction's epilogue rounds to (an activation between two
    quantizations) is looked up before they are stored. A softmax of a contraction's rows
    (attention's scores) is computed where these are, a few rows at a time: the scores never are a
    tensor in memory. The map behind the softmax comes along. Whether the contraction's kernel can do
    that is the target's to say.

    Example:
    ```mlir
    %s = quern.dispatch ins(%q, %k …) { … quern.matmul … quern.map … } -> tensor<2x7x7xf32>
    %p = quern.dispatch ins(%s …) { … quern.softmax … quern.map … } -> tensor<2x7x7xui8>
    // becomes
    %p = quern.dispatch ins(%q, %k …) { … quern.matmul … quern.map … quern.softmax … quern.map … } -> tensor<2x7x7xui8>
    ```
    Tested in test/Passes/Codegen/extend-contractions.mlir.
  }];
  let options = [TargetOption<>];
  let dependentDialects = ["::quern::qir::QuernDialect"];
}

def PackWeights : Pass<"pack-weights", "::mlir::ModuleOp"> {
  let summary = "Packs constant weights into the form their kernels read";
  let description = [{
    A `quern.relayout` of a constant becomes a constant whose bytes the target has packed. Equal
    weights in an equal form are packed once. Blobs that no constant names any more leave the
    content store, so that compiling needs the weights about once.

    Example:
    ```mlir
    %w = quern.constant(#quern.blob<"8f…", 128>) : tensor<8x16xsi8>
    %p = quern.relayout %w : tensor<8x16xsi8> -> tensor<8x16xsi8, #quern.packed<"fake", 16, 4, 128>>
    // becomes
    %p = quern.constant(#quern.blob<"a1…", 128>) : tensor<8x16xsi8, #quern.packed<"fake", 16, 4, 128>>
    ```
  }];
  let options = [TargetOption<>];
  let dependentDialects = ["::quern::qir::QuernDialect"];
}

def AssignTiles : Pass<"assign-tiles", "::mlir::func::FuncOp"> {
  let summary = "Writes the target's tile on each dispatch";
  let description = [{
    A tile that is there already (written by hand, or by a search) stays.

    Example:
    ```mlir
    quern.dispatch ins(…) {…} -> tensor<4x16xui8>
    // becomes
    quern.dispatch ins(…) tile {m = 4 : i64, n = 16 : i64} {…} -> tensor<4x16xui8>
    ```
  }];
  let options = [TargetOption<>];
  let dependentDialects = ["::quern::qir::QuernDialect"];
}

def PlanThreads : Pass<"plan-threads", "::mlir::func::FuncOp"> {
  let summary = "Decides how each dispatch's work is divided among threads";
  let description = [{
    `quern.units` is the number of independent parts (the range of the kernel), `quern.grain` how
    many are handed out at a time. The work is estimated by the cost model (`CostModel.h`); below 4
    microseconds, or where there is one thread,
    the dispatch is serial (grain = units), above a chunk is about an eighth of a thread's share, but
    not less than 1 microsecond, which is what handing it out is worth.

    Example:
    ```mlir
    quern.dispatch ins(…) {…} -> tensor<1x56x56x64xui8>
    // becomes
    quern.dispatch ins(…) {…} {quern.bytes = … : i64, quern.grain = 4 : i64,
                               quern.macs = … : i64, quern.units = 56 : i64} -> tensor<1x56x56x64xui8>
    ```
  }];
  let options = [
    TargetOption<>,
    Option<"threads", "threads", "int64_t", "4", "threads among which work is expected to be shared">
  ];
  let dependentDialects = ["::quern::qir::QuernDialect"];
}

def WarnSlowCodes : Pass<"warn-slow-codes", "::mlir::func::FuncOp"> {
  let summary = "Warns where the quantized form of an op is slower than its float form";
  let description = [{
    Compares, by the cost model (`CostModel.h`), each dispatch as it is with the same dispatch on f32:
    the products by the kernel that floats have, four bytes an element, no rounding to codes. What
    makes a contraction's operands codes at run time and has no other use (a map that only quantizes, the range
    it looks for) counts as the contraction's; so does turning codes into floats where no integer kernel
    takes them. A warning names the ONNX node, both times and the part that loses most.
    Nothing is changed.

    Example, for a depthwise convolution with dilations on x86-vnni:
    ```
    warning: node 'conv' (Conv): slower quantized than in float32: estimated 65.2 us against 34.4 us on one
    thread of x86-vnni; the shared depthwise kernel widens each code before it multiplies, the
    target's own takes dilations of 1 and windows up to 16 x 16
    ```
    Tested in test/Passes/Codegen/warn-slow-codes.mlir.
  }];
  let options = [TargetOption<>];
  let dependentDialects = ["::quern::qir::QuernDialect"];
}

def PlanMemory : Pass<"plan-memory", "::mlir::ModuleOp"> {
  let summary = "Gives every dispatch result its place in the arena or in the caller's outputs";
  let description = [{
    Results live from their dispatch to the last one that reads them (through reshapes). Offsets
    are multiples of 64 bytes; after the last buffer 64 more bytes are readable. Buffers are placed
    one by one into the smallest gap that holds them, in several orders (by size, by time, by size
    and life span), and the smallest arena wins. A map that reads an operand of the same size
    and layout at its own index for the last time writes over it (`quern.in_place`). What
    @main returns is written to the caller's buffers directly: -1 - k is output k.

    Example:
    ```mlir
    %0 = quern.dispatch ins(%x : …) {…} -> tensor<4x16xui8>
    %1 = quern.dispatch ins(%0 : …) {…} -> tensor<4x16xui8>
    return %1
    // becomes, with quern.arena_bytes = 128 on the module,
    %0 = quern.dispatch ins(%x : …) {…} {quern.offsets = array<i64: 0>} -> tensor<4x16xui8>
    %1 = quern.dispatch ins(%0 : …) {…} {quern.offsets = array<i64: -1>} -> tensor<4x16xui8>
    ```
  }];
  let options = [
    Option<"inPlaceAnchors", "in-place-anchors", "bool", "false",
           "let tables and epilogues of other anchors write over an operand, too: only for targets "
           "whose kernels compute no element twice">
  ];
  let dependentDialects = ["::quern::qir::QuernDialect"];
}

#endif // QUERN_PASSES_CODEGEN_PASSES_TD
