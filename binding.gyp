{
  "targets": [
    {
      "target_name": "pfgm_torch",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake",
          "inputs": ["CMakeLists.txt"],
          "outputs": ["<(PRODUCT_DIR)/pfgm_torch.node"],
          "action": ["node", "scripts/install/build.js", "--out", "build"]
        }
      ]
    }
  ]
}
