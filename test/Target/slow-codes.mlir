// RUN: %quern_opt %s --split-input-file --verify-diagnostics --warn-slow-codes=target=x86-vnni

// What the x86-vnni target knows of its kernels: dilated depthwise convolutions are left to the shared
// emitter, which widens codes, and win nothing; the same without dilations have a kernel of their own.

func.func @main(%x: tensor<1x32x32x192xui8, #quern.padded<2, 2, 2, 2>>, %w: tensor<192x3x3x1xsi8, #quern.packed<"depthwise", 192, 1, 1728>>) -> tensor<1x32x32x192xsi32> {
  %y = quern.dispatch ins(%x, %w : tensor<1x32x32x192xui8, #quern.padded<2, 2, 2, 2>>, tensor<192x3x3x1xsi8, #quern.packed<"depthwise", 192, 1, 1728>>) {
  ^bb0(%a: tensor<1x32x32x192xui8, #quern.padded<2, 2, 2, 2>>, %b: tensor<192x3x3x1xsi8, #quern.packed<"depthwise", 192, 1, 1728>>):
    // expected-warning @+1 {{the shared depthwise kernel widens each code before it multiplies, the target's own takes dilations of 1 and windows up to 16 x 16}}
    %r = quern.conv %a, %b strides [1, 1] pads [2, 2, 2, 2] dilations [2, 2] groups 192 : tensor<1x32x32x192xui8, #quern.padded<2, 2, 2, 2>>, tensor<192x3x3x1xsi8, #quern.packed<"depthwise", 192, 1, 1728>> -> tensor<1x32x32x192xsi32>
    quern.return %r : tensor<1x32x32x192xsi32>
  } -> tensor<1x32x32x192xsi32>
  return %y : tensor<1x32x32x192xsi32>
}

// -----

func.func @main(%x: tensor<1x32x32x192xui8, #quern.padded<1, 1, 1, 1>>, %w: tensor<192x3x3x1xsi8, #quern.packed<"depthwise-vnni", 64, 4, 4608>>) -> tensor<1x32x32x192xsi32> {
  %y = quern.dispatch ins(%x, %w : tensor<1x32x32x192xui8, #quern.padded<1, 1, 1, 1>>, tensor<192x3x3x1xsi8, #quern.packed<"depthwise-vnni", 64, 4, 4608>>) {
  ^bb0(%a: tensor<1x32x32x192xui8, #quern.padded<1, 1, 1, 1>>, %b: tensor<192x3x3x1xsi8, #quern.packed<"depthwise-vnni", 64, 4, 4608>>):
    %r = quern.conv %a, %b strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 192 : tensor<1x32x32x192xui8, #quern.padded<1, 1, 1, 1>>, tensor<192x3x3x1xsi8, #quern.packed<"depthwise-vnni", 64, 4, 4608>> -> tensor<1x32x32x192xsi32>
    quern.return %r : tensor<1x32x32x192xsi32>
  } -> tensor<1x32x32x192xsi32>
  return %y : tensor<1x32x32x192xsi32>
}

// -----

// A product of the same size as its float form: codes win.

func.func @main(%x: tensor<128x768xui8>, %w: tensor<768x768xsi8, #quern.packed<"vnni", 64, 4, 589824>>) -> tensor<128x768xsi32> {
  %y = quern.dispatch ins(%x, %w : tensor<128x768xui8>, tensor<768x768xsi8, #quern.packed<"vnni", 64, 4, 589824>>) {
  ^bb0(%a: tensor<128x768xui8>, %b: tensor<768x768xsi8, #quern.packed<"vnni", 64, 4, 589824>>):
    %r = quern.matmul %a, %b : tensor<128x768xui8>, tensor<768x768xsi8, #quern.packed<"vnni", 64, 4, 589824>> -> tensor<128x768xsi32>
    quern.return %r : tensor<128x768xsi32>
  } -> tensor<128x768xsi32>
  return %y : tensor<128x768xsi32>
}
