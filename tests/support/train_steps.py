"""Custom training steps as Keras' guides write them for each backend, to be mixed into a model."""

from __future__ import annotations

import keras


class TensorFlowStep:
    """A training step with a gradient tape."""

    def train_step(self, data):
        import tensorflow as tf

        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(y=y, y_pred=self(x, training=True))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        for metric in self.metrics:
            metric.update_state(loss)
        return {metric.name: metric.result() for metric in self.metrics}


class JaxStep:
    """A training step without side effects."""

    def loss_and_updates(self, trainable, others, x, y):
        predictions, others = self.stateless_call(trainable, others, x, training=True)
        return self.compute_loss(x, y, predictions), others

    def train_step(self, state, data):
        import jax

        trainable, others, optimizer, metrics = state
        x, y = data
        step = jax.value_and_grad(self.loss_and_updates, has_aux=True)
        (loss, others), gradients = step(trainable, others, x, y)
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
        (metric,) = self.metrics
        metrics = metric.stateless_update_state(metrics, loss)
        return {metric.name: metric.stateless_result(metrics)}, (trainable, others, optimizer, metrics)


class TorchStep:
    """A training step with `backward()`."""

    def train_step(self, data):
        import torch

        x, y = data
        self.zero_grad()
        loss = self.compute_loss(y=y, y_pred=self(x, training=True))
        loss.backward()
        variables = list(self.trainable_weights)
        with torch.no_grad():
            self.optimizer.apply([v.value.grad for v in variables], variables)
        for metric in self.metrics:
            metric.update_state(loss)
        return {metric.name: metric.result() for metric in self.metrics}


CustomStep = {"tensorflow": TensorFlowStep, "jax": JaxStep, "torch": TorchStep}[keras.backend.backend()]
