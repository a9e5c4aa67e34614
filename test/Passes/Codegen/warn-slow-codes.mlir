// RUN: quern-opt %s --split-input-file --verify-diagnostics --warn-slow-codes=target=fake

// The fake target multiplies codes 3.3 times as fast as floats. 768 sums of products for each row win
// nothing back when there are two columns: the input, which is quantized for them alone, and its range
// cost more. The range of a scale counts, what the range is of does not.

#rows = affine_map<(d0, d1) -> (d0, d1)>
#column = affine_map<(d0, d1) -> (0, 0)>
#one = affine_map<(d0, d1) -> (d0, d1)>

func.func @main(%x: tensor<512x768xf32>, %w: tensor<768x2xsi8>) -> tensor<512x2xf32> {
  %range = quern.dispatch ins(%x : tensor<512x768xf32>) {
  ^bb0(%a: tensor<512x768xf32>):
    %r = quern.reduce max %a axes [0, 1] : tensor<512x768xf32> -> tensor<1x1xf32>
    quern.return %r : tensor<1x1xf32>
  } -> tensor<1x1xf32>
  %codes = quern.dispatch ins(%x, %range : tensor<512x768xf32>, tensor<1x1xf32>) {
  ^bb0(%a: tensor<512x768xf32>, %s: tensor<1x1xf32>):
    %m = quern.map ins(%a, %s : tensor<512x768xf32>, tensor<1x1xf32>) maps [#rows, #column] {
    ^bb0(%e: f32, %scale: f32):
      %d = arith.divf %e, %scale : f32
      %c = quern.to_code %d zero_point 128 range [0, 255]
      quern.yield %c : i32
    } -> tensor<512x768xui8>
    quern.return %m : tensor<512x768xui8>
  } -> tensor<512x768xui8>
  %y = quern.dispatch ins(%codes, %w : tensor<512x768xui8>, tensor<768x2xsi8>) {
  ^bb0(%a: tensor<512x768xui8>, %b: tensor<768x2xsi8>):
    // expected-warning @+1 {{slower quantized than in float32: estimated 98.4 us against 39.6 us on one thread of fake; quantizing its input at run time takes 88.5 us}}
    %acc = quern.matmul %a, %b : tensor<512x768xui8>, tensor<768x2xsi8> -> tensor<512x2xsi32>
    %m = quern.map ins(%acc : tensor<512x2xsi32>) maps [#one] {
    ^bb0(%e: i32):
      %f = arith.sitofp %e : i32 to f32
      quern.yield %f : f32
    } -> tensor<512x2xf32>
    quern.return %m : tensor<512x2xf32>
  } -> tensor<512x2xf32>
  return %y : tensor<512x2xf32>
}

// -----

// With 768 columns the same preparation is little.

#rows = affine_map<(d0, d1) -> (d0, d1)>

func.func @main(%x: tensor<512x768xf32>, %w: tensor<768x768xsi8>) -> tensor<512x768xsi32> {
  %codes = quern.dispatch ins(%x : tensor<512x768xf32>) {
  ^bb0(%a: tensor<512x768xf32>):
    %m = quern.map ins(%a : tensor<512x768xf32>) maps [#rows] {
    ^bb0(%e: f32):
      %c = quern.to_code %e zero_point 128 range [0, 255]
      quern.yield %c : i32
    } -> tensor<512x768xui8>
    quern.return %m : tensor<512x768xui8>
  } -> tensor<512x768xui8>
  %y = quern.dispatch ins(%codes, %w : tensor<512x768xui8>, tensor<768x768xsi8>) {
  ^bb0(%a: tensor<512x768xui8>, %b: tensor<768x768xsi8>):
    %acc = quern.matmul %a, %b : tensor<512x768xui8>, tensor<768x768xsi8> -> tensor<512x768xsi32>
    quern.return %acc : tensor<512x768xsi32>
  } -> tensor<512x768xsi32>
  return %y : tensor<512x768xsi32>
}

// -----

// Codes of 16 bits are multiplied as floats; making floats of them is what the float form would not do.

#rows = affine_map<(d0, d1) -> (d0, d1)>

func.func @main(%x: tensor<512x512xsi16>, %w: tensor<512x8xf32>) -> tensor<512x8xf32> {
  %floats = quern.dispatch ins(%x : tensor<512x512xsi16>) {
  ^bb0(%a: tensor<512x512xsi16>):
    %m = quern.map ins(%a : tensor<512x512xsi16>) maps [#rows] {
    ^bb0(%e: i32):
      %f = arith.sitofp %e : i32 to f32
      quern.yield %f : f32
    } -> tensor<512x512xf32>
    quern.return %m : tensor<512x512xf32>
  } -> tensor<512x512xf32>
  %y = quern.dispatch ins(%floats, %w : tensor<512x512xf32>, tensor<512x8xf32>) {
  ^bb0(%a: tensor<512x512xf32>, %b: tensor<512x8xf32>):
    // expected-warning @+1 {{there is no integer kernel for its codes, and turning them into floats takes 39.3 us}}
    %r = quern.matmul %a, %b : tensor<512x512xf32>, tensor<512x8xf32> -> tensor<512x8xf32>
    quern.return %r : tensor<512x8xf32>
  } -> tensor<512x8xf32>
  return %y : tensor<512x8xf32>
}

// -----

// A map of codes that computes much less than it rounds. Four bytes an element take floats longer
// than one takes codes, unless rounding is dearer: twice in one map.

#all = affine_map<(d0) -> (d0)>

func.func @main(%x: tensor<1048576xui8>) -> (tensor<1048576xui8>, tensor<1048576xui8>) {
  %once = quern.dispatch ins(%x : tensor<1048576xui8>) {
  ^bb0(%a: tensor<1048576xui8>):
    %m = quern.map ins(%a : tensor<1048576xui8>) maps [#all] {
    ^bb0(%e: i32):
      %f = arith.sitofp %e : i32 to f32
      %c = quern.to_code %f zero_point 0 range [0, 255]
      quern.yield %c : i32
    } -> tensor<1048576xui8>
    quern.return %m : tensor<1048576xui8>
  } -> tensor<1048576xui8>
  %often = quern.dispatch ins(%x : tensor<1048576xui8>) {
  ^bb0(%a: tensor<1048576xui8>):
    // expected-warning @+1 {{slower quantized than in float32: estimated 293.6 us against 209.7 us on one thread of fake; rounding to codes takes 293.6 us}}
    %m = quern.map ins(%a : tensor<1048576xui8>) maps [#all] {
    ^bb0(%e: i32):
      %0 = arith.sitofp %e : i32 to f32
      %1 = quern.to_code %0 zero_point 0 range [0, 255]
      %2 = arith.sitofp %1 : i32 to f32
      %3 = quern.to_code %2 zero_point 0 range [0, 255]
      %4 = arith.sitofp %3 : i32 to f32
      %5 = quern.to_code %4 zero_point 0 range [0, 255]
      %6 = arith.sitofp %5 : i32 to f32
      %7 = quern.to_code %6 zero_point 0 range [0, 255]
      %8 = arith.sitofp %7 : i32 to f32
      %9 = quern.to_code %8 zero_point 0 range [0, 255]
      quern.yield %9 : i32
    } -> tensor<1048576xui8>
    quern.return %m : tensor<1048576xui8>
  } -> tensor<1048576xui8>
  return %once, %often : tensor<1048576xui8>, tensor<1048576xui8>
}
