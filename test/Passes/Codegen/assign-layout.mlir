// RUN: %quern_opt %s --split-input-file --assign-layout=target=fake | FileCheck %s

#id4 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>

// The producer writes a halo as wide as the pads. A map that reads the value steps over the halo. Weights
// get the target's packed form.

// CHECK-LABEL: func.func @in_place
// CHECK: %[[W:.*]] = quern.relayout %{{.*}} : tensor<16x3x3x4xsi8> -> tensor<16x3x3x4xsi8, #quern.packed<"fake", 16, 4, 576>>
// CHECK: %[[X:.*]] = quern.dispatch ins(%arg0 : tensor<1x8x8x4xf32>) fill 7 : i32 {
// CHECK: } -> tensor<1x8x8x4xui8, #quern.padded<1, 1, 1, 1>>
// CHECK: quern.dispatch ins(%[[X]], %[[W]], {{.*}} : tensor<1x8x8x4xui8, #quern.padded<1, 1, 1, 1>>
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<1x8x8x4xui8, #quern.padded<1, 1, 1, 1>>,
// CHECK: quern.conv {{.*}} pads [1, 1, 1, 1]
// CHECK: quern.dispatch ins(%[[X]] : tensor<1x8x8x4xui8, #quern.padded<1, 1, 1, 1>>)
// CHECK: } -> tensor<1x8x8x4xui8>
func.func @in_place(%x: tensor<1x8x8x4xf32>) -> (tensor<1x4x4x16xsi32>, tensor<1x8x8x4xui8>) {
  %w = quern.constant(#quern.blob<"00000000000000000000000000000000", 576>) : tensor<16x3x3x4xsi8>
  %z = quern.constant(dense<7> : tensor<ui8>) : tensor<ui8>
  %q = quern.dispatch ins(%x : tensor<1x8x8x4xf32>) {
  ^bb0(%a: tensor<1x8x8x4xf32>):
    %m = quern.map ins(%a : tensor<1x8x8x4xf32>) maps [#id4] {
    ^bb0(%f: f32):
      %c = quern.to_code %f zero_point 7 range [0, 255]
      quern.yield %c : i32
    } -> tensor<1x8x8x4xui8>
    quern.return %m : tensor<1x8x8x4xui8>
  } -> tensor<1x8x8x4xui8>
  %y = quern.dispatch ins(%q, %w, %z : tensor<1x8x8x4xui8>, tensor<16x3x3x4xsi8>, tensor<ui8>) {
  ^bb0(%a: tensor<1x8x8x4xui8>, %b: tensor<16x3x3x4xsi8>, %p: tensor<ui8>):
    %c = quern.conv %a, %b pad %p strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : tensor<1x8x8x4xui8>, tensor<16x3x3x4xsi8> pad tensor<ui8> -> tensor<1x4x4x16xsi32>
    quern.return %c : tensor<1x4x4x16xsi32>
  } -> tensor<1x4x4x16xsi32>
  %v = quern.dispatch ins(%q : tensor<1x8x8x4xui8>) {
  ^bb0(%a: tensor<1x8x8x4xui8>):
    %m = quern.map ins(%a : tensor<1x8x8x4xui8>) maps [#id4] {
    ^bb0(%i: i32):
      quern.yield %i : i32
    } -> tensor<1x8x8x4xui8>
    quern.return %m : tensor<1x8x8x4xui8>
  } -> tensor<1x8x8x4xui8>
  return %y, %v : tensor<1x4x4x16xsi32>, tensor<1x8x8x4xui8>
}

// -----

// An input of @main is copied, once for each fill: the maximum needs the lowest code around it. A
// fill known only at run time is an operand. Depthwise weights stay as they are.

// CHECK-LABEL: func.func @copies
// CHECK: %[[P:.*]] = quern.dispatch ins(%arg0, %arg1 : tensor<1x4x4x8xui8>, tensor<ui8>) {
// CHECK: quern.relayout %{{.*}} fill %{{.*}} : tensor<1x4x4x8xui8> fill tensor<ui8> -> tensor<1x4x4x8xui8, #quern.padded<1, 1, 1, 1>>
// CHECK: quern.conv
// CHECK: %[[Q:.*]] = quern.dispatch ins(%arg0 : tensor<1x4x4x8xui8>) fill 0 : i32 {
// CHECK: quern.relayout %{{.*}} : tensor<1x4x4x8xui8> -> tensor<1x4x4x8xui8, #quern.padded<1, 1, 1, 1>>
// CHECK: quern.dispatch ins(%[[Q]]
// CHECK: quern.pool max
func.func @copies(%x: tensor<1x4x4x8xui8>, %z: tensor<ui8>) -> (tensor<1x4x4x8xsi32>, tensor<1x4x4x8xui8>) {
  %w = quern.constant(#quern.blob<"00000000000000000000000000000001", 72>) : tensor<8x3x3x1xsi8>
  %y = quern.dispatch ins(%x, %w, %z : tensor<1x4x4x8xui8>, tensor<8x3x3x1xsi8>, tensor<ui8>) {
  ^bb0(%a: tensor<1x4x4x8xui8>, %b: tensor<8x3x3x1xsi8>, %p: tensor<ui8>):
    %c = quern.conv %a, %b pad %p strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 8 : tensor<1x4x4x8xui8>, tensor<8x3x3x1xsi8> pad tensor<ui8> -> tensor<1x4x4x8xsi32>
    quern.return %c : tensor<1x4x4x8xsi32>
  } -> tensor<1x4x4x8xsi32>
  %v = quern.dispatch ins(%x : tensor<1x4x4x8xui8>) {
  ^bb0(%a: tensor<1x4x4x8xui8>):
    %m = quern.pool max %a kernel [3, 3] strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] : tensor<1x4x4x8xui8> -> tensor<1x4x4x8xui8>
    quern.return %m : tensor<1x4x4x8xui8>
  } -> tensor<1x4x4x8xui8>
  return %y, %v : tensor<1x4x4x8xsi32>, tensor<1x4x4x8xui8>
}

// -----

#id4 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>

// Two fills for one value, the same halo: the second reader gets a copy, made by a map.

// CHECK-LABEL: func.func @two_fills
// CHECK: %[[X:.*]] = quern.dispatch ins(%arg0 {{.*}}) fill 7 : i32 {
// CHECK: quern.conv
// CHECK: quern.dispatch ins(%[[X]] {{.*}}) fill 0 : i32 {
// CHECK: quern.map
// CHECK: } -> tensor<1x4x4x8xui8, #quern.padded<1, 1, 1, 1>>
// CHECK: quern.pool
func.func @two_fills(%x: tensor<1x4x4x8xf32>, %w: tensor<8x3x3x1xsi8>) -> (tensor<1x4x4x8xsi32>, tensor<1x4x4x8xui8>) {
  %z = quern.constant(dense<7> : tensor<ui8>) : tensor<ui8>
  %q = quern.dispatch ins(%x : tensor<1x4x4x8xf32>) {
  ^bb0(%a: tensor<1x4x4x8xf32>):
    %m = quern.map ins(%a : tensor<1x4x4x8xf32>) maps [#id4] {
    ^bb0(%f: f32):
      %c = quern.to_code %f zero_point 7 range [0, 255]
      quern.yield %c : i32
    } -> tensor<1x4x4x8xui8>
    quern.return %m : tensor<1x4x4x8xui8>
  } -> tensor<1x4x4x8xui8>
  %y = quern.dispatch ins(%q, %w, %z : tensor<1x4x4x8xui8>, tensor<8x3x3x1xsi8>, tensor<ui8>) {
  ^bb0(%a: tensor<1x4x4x8xui8>, %b: tensor<8x3x3x1xsi8>, %p: tensor<ui8>):
    %c = quern.conv %a, %b pad %p strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 8 : tensor<1x4x4x8xui8>, tensor<8x3x3x1xsi8> pad tensor<ui8> -> tensor<1x4x4x8xsi32>
    quern.return %c : tensor<1x4x4x8xsi32>
  } -> tensor<1x4x4x8xsi32>
  %v = quern.dispatch ins(%q : tensor<1x4x4x8xui8>) {
  ^bb0(%a: tensor<1x4x4x8xui8>):
    %m = quern.pool max %a kernel [3, 3] strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] : tensor<1x4x4x8xui8> -> tensor<1x4x4x8xui8>
    quern.return %m : tensor<1x4x4x8xui8>
  } -> tensor<1x4x4x8xui8>
  return %y, %v : tensor<1x4x4x8xsi32>, tensor<1x4x4x8xui8>
}

// -----

#id2 = affine_map<(d0, d1) -> (d0, d1)>

// A run-time matrix is packed by the map that makes it; its column sums are computed there.

// CHECK-LABEL: func.func @dynamic
// CHECK: %[[K:.*]]:2 = quern.dispatch ins(%arg1 : tensor<16x8xf32>) {
// CHECK: %[[M:.*]] = quern.map
// CHECK: %[[S:.*]] = quern.reduce sum %[[M]] axes [1] : tensor<16x8xsi8> -> tensor<16x1xsi32>
// CHECK: %[[P:.*]] = quern.relayout %[[M]] transposed : tensor<16x8xsi8> -> tensor<16x8xsi8, #quern.packed<"fake", 16, 4, 128>>
// CHECK: quern.return %[[P]], %[[S]]
// CHECK: %[[R:.*]] = quern.reshape %[[K]]#1 : tensor<16x1xsi32> -> tensor<1x16xsi32>
// CHECK: quern.dispatch ins(%arg0, %[[K]]#0, %[[R]] :
// CHECK-NEXT: ^bb0(%[[L:.*]]: tensor<6x8xui8>, %[[W:.*]]: tensor<16x8xsi8, {{.*}}>, %[[T:.*]]: tensor<1x16xsi32>)
// CHECK: quern.matmul %[[L]], %[[W]] transposed : {{.*}} -> tensor<6x16xsi32>{{$}}
// CHECK: quern.map ins(%{{.*}}, %[[T]]
func.func @dynamic(%x: tensor<6x8xui8>, %f: tensor<16x8xf32>) -> tensor<6x16xsi32> {
  %k = quern.dispatch ins(%f : tensor<16x8xf32>) {
  ^bb0(%a: tensor<16x8xf32>):
    %m = quern.map ins(%a : tensor<16x8xf32>) maps [#id2] {
    ^bb0(%v: f32):
      %c = quern.to_code %v zero_point 0 range [-128, 127]
      quern.yield %c : i32
    } -> tensor<16x8xsi8>
    quern.return %m : tensor<16x8xsi8>
  } -> tensor<16x8xsi8>
  %y = quern.dispatch ins(%x, %k : tensor<6x8xui8>, tensor<16x8xsi8>) {
  ^bb0(%a: tensor<6x8xui8>, %b: tensor<16x8xsi8>):
    %c, %s = quern.matmul %a, %b transposed : tensor<6x8xui8>, tensor<16x8xsi8> -> tensor<6x16xsi32> rhs_sum tensor<1x16xsi32>
    %m = quern.map ins(%c, %s : tensor<6x16xsi32>, tensor<1x16xsi32>) maps [#id2, affine_map<(d0, d1) -> (0, d1)>] {
    ^bb0(%i: i32, %j: i32):
      %n = arith.subi %i, %j : i32
      quern.yield %n : i32
    } -> tensor<6x16xsi32>
    quern.return %m : tensor<6x16xsi32>
  } -> tensor<6x16xsi32>
  return %y : tensor<6x16xsi32>
}

// -----

// Two products that read one run-time matrix share its packed form.

// CHECK-LABEL: func.func @shared
// CHECK: %[[K:.*]] = quern.dispatch ins(%arg1 : tensor<8x16xsi8>) {
// CHECK: quern.relayout
// CHECK: quern.dispatch ins(%arg0, %[[K]]
// CHECK: quern.dispatch ins(%arg0, %[[K]]
func.func @shared(%x: tensor<6x8xui8>, %k: tensor<8x16xsi8>) -> (tensor<6x16xsi32>, tensor<6x16xsi32>) {
  %y = quern.dispatch ins(%x, %k : tensor<6x8xui8>, tensor<8x16xsi8>) {
  ^bb0(%a: tensor<6x8xui8>, %b: tensor<8x16xsi8>):
    %c = quern.matmul %a, %b : tensor<6x8xui8>, tensor<8x16xsi8> -> tensor<6x16xsi32>
    quern.return %c : tensor<6x16xsi32>
  } -> tensor<6x16xsi32>
  %z = quern.dispatch ins(%x, %k : tensor<6x8xui8>, tensor<8x16xsi8>) {
  ^bb0(%a: tensor<6x8xui8>, %b: tensor<8x16xsi8>):
    %c = quern.matmul %a, %b : tensor<6x8xui8>, tensor<8x16xsi8> -> tensor<6x16xsi32>
    quern.return %c : tensor<6x16xsi32>
  } -> tensor<6x16xsi32>
  return %y, %z : tensor<6x16xsi32>, tensor<6x16xsi32>
}

// -----

#id4 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>

// The producer also writes a halo whose value is only known at run time: a relayout ends it.

// CHECK-LABEL: func.func @dynamic_fill
// CHECK: %[[X:.*]] = quern.dispatch ins(%arg0, %arg1 : tensor<1x4x4x8xf32>, tensor<ui8>) {
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<1x4x4x8xf32>, %[[Z:.*]]: tensor<ui8>):
// CHECK: %[[M:.*]] = quern.map
// CHECK: %[[P:.*]] = quern.relayout %[[M]] fill %[[Z]]
// CHECK-NEXT: quern.return %[[P]]
// CHECK: } -> tensor<1x4x4x8xui8, #quern.padded<1, 1, 1, 1>>
// CHECK: quern.dispatch ins(%[[X]],
func.func @dynamic_fill(%x: tensor<1x4x4x8xf32>, %z: tensor<ui8>, %w: tensor<8x3x3x1xsi8>) -> tensor<1x4x4x8xsi32> {
  %q = quern.dispatch ins(%x : tensor<1x4x4x8xf32>) {
  ^bb0(%a: tensor<1x4x4x8xf32>):
    %m = quern.map ins(%a : tensor<1x4x4x8xf32>) maps [#id4] {
    ^bb0(%f: f32):
      %c = quern.to_code %f zero_point 7 range [0, 255]
      quern.yield %c : i32
    } -> tensor<1x4x4x8xui8>
    quern.return %m : tensor<1x4x4x8xui8>
  } -> tensor<1x4x4x8xui8>
  %y = quern.dispatch ins(%q, %w, %z : tensor<1x4x4x8xui8>, tensor<8x3x3x1xsi8>, tensor<ui8>) {
  ^bb0(%a: tensor<1x4x4x8xui8>, %b: tensor<8x3x3x1xsi8>, %p: tensor<ui8>):
    %c = quern.conv %a, %b pad %p strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 8 : tensor<1x4x4x8xui8>, tensor<8x3x3x1xsi8> pad tensor<ui8> -> tensor<1x4x4x8xsi32>
    quern.return %c : tensor<1x4x4x8xsi32>
  } -> tensor<1x4x4x8xsi32>
  return %y : tensor<1x4x4x8xsi32>
}
