// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// RUN: %quern_opt %s | %quern_opt | FileCheck %s
// RUN: %quern_opt %s --mlir-print-op-generic | %quern_opt | FileCheck %s

// CHECK-LABEL: func.func @movement
// CHECK: quern.reshape %{{.*}} : tensor<2x3x4xui8> -> tensor<6x4xui8>
// CHECK: quern.transpose %{{.*}} [2, 0, 1] : tensor<2x3x4xui8> -> tensor<4x2x3xui8>
// CHECK: quern.broadcast %{{.*}} : tensor<3x1xf32> -> tensor<2x3x4xf32>
// CHECK: quern.concat %{{.*}}, %{{.*}} axis 0 : tensor<3x1xf32>, tensor<2x1xf32> -> tensor<5x1xf32>
// CHECK: quern.slice %{{.*}} starts [0, 2, 1] steps [1, -1, 2] : tensor<2x3x4xui8> -> tensor<2x3x2xui8>
// CHECK: quern.slice %{{.*}} starts [9, 0, 0] steps [1, 1, 1] : tensor<2x3x4xui8> -> tensor<0x3x4xui8>
// CHECK: quern.pad %{{.*}}, %{{.*}} low [0, 1, 0] : tensor<2x3x4xui8>, tensor<1xui8> -> tensor<2x5x4xui8>
// CHECK: quern.gather %{{.*}}, %{{.*}} axis 1 : tensor<2x3x4xui8>, tensor<5x6xsi64> -> tensor<2x5x6x4xui8>
// CHECK: quern.gather %{{.*}}, %{{.*}} axis 0 : tensor<2x3x4xui8>, tensor<si32> -> tensor<3x4xui8>
func.func @movement(%x: tensor<2x3x4xui8>, %f: tensor<3x1xf32>, %g: tensor<2x1xf32>,
                    %v: tensor<1xui8>, %i: tensor<5x6xsi64>, %k: tensor<si32>) {
  %0 = quern.reshape %x : tensor<2x3x4xui8> -> tensor<6x4xui8>
  %1 = quern.transpose %x [2, 0, 1] : tensor<2x3x4xui8> -> tensor<4x2x3xui8>
  %2 = quern.broadcast %f : tensor<3x1xf32> -> tensor<2x3x4xf32>
  %3 = quern.concat %f, %g axis 0 : tensor<3x1xf32>, tensor<2x1xf32> -> tensor<5x1xf32>
  %4 = quern.slice %x starts [0, 2, 1] steps [1, -1, 2] : tensor<2x3x4xui8> -> tensor<2x3x2xui8>
  %5 = quern.slice %x starts [9, 0, 0] steps [1, 1, 1] : tensor<2x3x4xui8> -> tensor<0x3x4xui8>
  %6 = quern.pad %x, %v low [0, 1, 0] : tensor<2x3x4xui8>, tensor<1xui8> -> tensor<2x5x4xui8>
  %7 = quern.gather %x, %i axis 1 : tensor<2x3x4xui8>, tensor<5x6xsi64> -> tensor<2x5x6x4xui8>
  %8 = quern.gather %x, %k axis 0 : tensor<2x3x4xui8>, tensor<si32> -> tensor<3x4xui8>
  return
}
