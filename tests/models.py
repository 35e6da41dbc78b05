"""A tiny instance of every model, for the laws and for whatever wants one. A new model is one line."""

import torch
from laws import draw

from genus.adversarial import (
    ACGAN,
    AMGAN,
    BEGAN,
    BSGAN,
    DCGAN,
    GAN,
    AdaGAN,
    AdaptiveAugment,
    ArtGAN,
    BayesianGAN,
    BesideCritic,
    BigGAN,
    CatGAN,
    GeneratorMixture,
    GivenGenerator,
    GoGAN,
    HierarchicalImplicitModel,
    ImprovedGAN,
    InfoGAN,
    InstanceNoise,
    NetworkSimulator,
    NoisyMLP,
    ProjectionCritic,
    R3GANCritic,
    R3GANGenerator,
    Reconstruction,
    RedrawingCritic,
    ResNetCritic,
    ResNetGenerator,
    UnrolledGAN,
    Views,
)
from genus.autoregressive import (
    DGMG,
    MADE,
    NADE,
    RNNNADE,
    RNNRBM,
    CharRNN,
    EncoderDecoder,
    EoNADE,
    GatedPixelCNN,
    GraphRNN,
    GraphRNNS,
    HandwritingSynthesis,
    ImageTransformer,
    KneserNey,
    MixedMADE,
    MultiscalePixelRNN,
    PixelCNN,
    PixelCNNPP,
    PixelRNN,
    PixelSNAIL,
    Seq2Seq,
    SkipGram,
    StrokePrediction,
    Transformer,
    Unordered,
    WaveNet,
)
from genus.core import (
    Attributes,
    Bits,
    Category,
    Classes,
    Graphs,
    Grid,
    Pixels,
    Real,
    Reals,
    Records,
    Scale,
    Strokes,
    There,
    Tokens,
)
from genus.density import (
    ChowLiu,
    Dequantised,
    FactorAnalysis,
    Gaussian,
    GaussianMixture,
    HiddenMarkov,
    KernelDensity,
    LatentDirichlet,
    MixtureDensityNetwork,
    NaiveBayes,
    ProductMixture,
    Table,
)
from genus.diffusion import (
    DDIM,
    DDPM,
    Ancestral,
    Bound,
    ClassifierGuided,
    ConsistencyModel,
    Diffusion,
    DiscreteDiffusion,
    DPMSolver,
    EvenLogSNR,
    Guided,
    Heun,
    Hybrid,
    LatentDiffusion,
    LogNormal,
    ProbabilityFlow,
    TimeEncoder,
    TimeMLP,
    TimeTokens,
    TimeTransformer,
    UNet,
    UniPC,
)
from genus.diffusion.couplings import optimal_transport
from genus.diffusion.discrete.categories import Multinomial, quarter_circle
from genus.diffusion.noise import LinearSchedule
from genus.energy import DBM, DBN, GSN, RBM, DBMStart, EnergyNetwork
from genus.flow import (
    IDF,
    LU,
    Autoregressive,
    ConcatSquash,
    Continuous,
    ConvCoupling,
    Coupling,
    Dequantiser,
    Flow,
    Glow,
    Inverse,
    Permutation,
    Planar,
    PointFlow,
    PointNet,
    Radial,
    RealNVP,
    Residual,
    ResNet,
    Spline,
    Squeezed,
    Standard,
)
from genus.functional.adversarial.objectives import (
    EnergyMargin,
    hinge,
    least_squares,
    non_saturating,
)
from genus.functional.adversarial.penalties import Penalty, drift, pulling_away, r1, r2
from genus.functional.adversarial.relativistic import relativistic
from genus.functional.diffusion.parametrisations import Preconditioned, Slope
from genus.functional.diffusion.paths import VP, Cosine, LinearVE, Straight
from genus.functional.diffusion.spacings import Karras
from genus.functional.diffusion.weights import MinSNR
from genus.functional.numerics.integrators import RK4, DormandPrince
from genus.nn import MLP, ConvDecoder, ConvEncoder, Flat, Labels, SeveralLabels
from genus.translation import BicycleGAN, FrankenGAN, Pix2Pix
from genus.vae import (
    DRAW,
    IAF,
    IWAE,
    M2,
    MMD,
    VAE,
    VQVAE,
    Autoencoder,
    Colouriser,
    ConditionalVAE,
    FactorVAE,
    GumbelVAE,
    HierarchicalVAE,
    LadderVAE,
    LogisticMixture,
    MixturePrior,
    Normal,
    TotalCorrelation,
    VampPrior,
)

FIELDS = Records(
    (
        Category(3),
        Grid(1.0, Scale(1.0, 1.5), 0.0, 3.0, There(0, 1)),
        Grid(0.5, Scale(0.5), 0.0, 1.0),
    )
)
GIVEN = Records((Category(3), Real(There(0, 1))))


def counted(model):
    """A model that learns from all data at once, after it has seen some."""
    list(model.fit(draw(model.space, 20)))
    return model


MODELS = {
    "wavenet": lambda: WaveNet(Tokens(3, 5), 4, 5, (1, 2, 1)),
    "wavenet-end": lambda: WaveNet(Tokens(3, 5, end=2), 4, 5, (1, 2, 1)),
    "wavenet-pixels": lambda: WaveNet(Pixels((4,), 3), 4, 5, (1, 2), kernel=3),
    "wavenet-logistics": lambda: WaveNet(Pixels((3,), 6), 4, 5, (1, 2), mixture=2),
    "wavenet-labels": lambda: WaveNet(
        Tokens(3, 4),
        4,
        5,
        (1, 2),
        context_space=Attributes((3, 2)),
        embed=SeveralLabels((3, 2)),
        context=5,
    ),
    "wavenet-frames": lambda: WaveNet(
        Pixels((4,), 4),
        4,
        5,
        (1, 2),
        mixture=2,
        context_space=Reals((2, 3)),
        embed=MLP(3, 2, (4,)),
        context=2,
    ),
    "table": lambda: Table(Tokens(3, 2), smoothing=0.5),
    "gaussian": lambda: Gaussian(Reals((3,))),
    "mixture": lambda: GaussianMixture(Reals((2,)), components=3, tolerance=-1),
    "chowliu": lambda: ChowLiu(Bits((2, 3)), smoothing=0.0),
    "chowliu-pixels": lambda: ChowLiu(Pixels((4,), 3), smoothing=0.0),
    "kerneldensity": lambda: counted(KernelDensity(Reals((2,)))),
    "kerneldensity-fixed": lambda: counted(KernelDensity(Reals((1, 2)), bandwidth=0.5, rows=10)),
    "factoranalysis": lambda: FactorAnalysis(Reals((3,)), factors=2, tolerance=-1),
    "factoranalysis-spherical": lambda: FactorAnalysis(Reals((4,)), 2, "spherical"),
    "hiddenmarkov": lambda: HiddenMarkov(Tokens(3, 4), 3, smoothing=0.0, tolerance=-1),
    "hiddenmarkov-ending": lambda: HiddenMarkov(
        Tokens(3, 4, end=2), 2, smoothing=0.0, tolerance=-1
    ),
    "hiddenmarkov-reals": lambda: HiddenMarkov(Reals((3, 2)), 2, smoothing=0.0, tolerance=-1),
    "hiddenmarkov-given": lambda: HiddenMarkov(
        Bits((4, 3)), 2, Classes(5), smoothing=0.0, tolerance=-1
    ),
    "latent-dirichlet": lambda: LatentDirichlet(
        Tokens(4, 3, end=0), 2, 1.0, tolerance=-1, inner_steps=20
    ),
    "latent-dirichlet-online": lambda: LatentDirichlet(
        Tokens(3, 4), 3, 1.0, learns_concentration=True, batch=5, tolerance=-99, inner_steps=20
    ),
    "naivebayes": lambda: NaiveBayes(Bits((2, 2)), Classes(3), smoothing=0.0),
    "naivebayes-tokens": lambda: NaiveBayes(Tokens(3, 4), Classes(2), smoothing=0.0),
    "naivebayes-reals": lambda: NaiveBayes(Reals((2,)), Classes(2)),
    "products": lambda: ProductMixture(Bits((2, 2)), components=3, smoothing=0.0, tolerance=-1),
    "products-pixels": lambda: ProductMixture(Pixels((3,), 4), 2, smoothing=0.0, tolerance=-1),
    "products-tokens": lambda: ProductMixture(Tokens(3, 4), 2, smoothing=0.0, tolerance=-1),
    "mixture-diagonal": lambda: GaussianMixture(Reals((2,)), components=3, covariance="diagonal"),
    "mixture-given": lambda: MixtureDensityNetwork(Reals((2,)), Reals((3,)), 2, hidden=(4,)),
    "dequantised": lambda: Dequantised(Gaussian(Reals((2,))), Pixels((2,), 4), squeeze=1e-3),
    "energy-network": lambda: EnergyNetwork(
        Reals((2,)), hidden=(5,), steps=2, chains=6, fresh=0.3, burn_in=3
    ),
    "rbm": lambda: RBM(Bits((2, 2)), hidden=3, chains=5, burn_in=20),
    "rbm-tempered": lambda: RBM(Bits((2, 2)), hidden=3, chains=5, burn_in=20, temperatures=3),
    "rbm-tokens": lambda: RBM(Tokens(3, 4), hidden=3, chains=5, burn_in=20),
    "rbm-classes": lambda: RBM(Classes(5), hidden=3, chains=5, burn_in=20),
    "rbm-pixels": lambda: RBM(Pixels((1, 2, 2), 3), hidden=3, chains=5, burn_in=20),
    "rbm-reals": lambda: RBM(Reals((2,)), hidden=3, chains=5, burn_in=20),
    "dbn": lambda: DBN(Bits((2, 2)), (3, 4), chains=5, burn_in=20),
    "dbn-deep": lambda: DBN(Bits((4,)), (3, 2, 3), chains=5, burn_in=20),
    "dbm": lambda: DBM(Bits((2, 2)), (3, 2), chains=5, burn_in=20),
    "gsn": lambda: GSN(Bits((2, 3)), (4, 3), deep_noise=0.5, walkbacks=2, chains=8, burn_in=5),
    "gsn-one": lambda: GSN(Bits((4,)), (3,), walkbacks=1, chains=8, burn_in=3),
    "dbm-start": lambda: DBMStart(Bits((2, 2)), (3, 2), chains=5),
    "rbm-cd": lambda: RBM(Bits((4,)), hidden=3, steps=2, chains=0, burn_in=20),
    "mixed-made": lambda: MixedMADE(FIELDS, hidden=(16, 16), components=2),
    "mixed-made-reals": lambda: MixedMADE(Reals((3,)), hidden=(16,), components=2),
    "mixed-made-given": lambda: MixedMADE(Reals((2,)), (16,), 2, context_space=GIVEN),
    "made": lambda: MADE(Bits((2, 3)), hidden=(16, 16)),
    "made-pixels": lambda: MADE(Pixels((1, 2, 2), 5), hidden=(16,), rank=2, dropout=0.5),
    "made-tokens": lambda: MADE(Tokens(3, 4), hidden=(16,), shuffled=True),
    "made-masks": lambda: MADE(Bits((5,)), hidden=(16,), masks=3, shuffled=True),
    "nade": lambda: NADE(Bits((2, 3)), hidden=4),
    "nade-shuffled": lambda: NADE(Bits((5,)), hidden=4, shuffled=True),
    "rnnnade": lambda: RNNNADE(Bits((2, 3)), 4, 5, "elman", dropout=0.3),
    "rnnrbm": lambda: RNNRBM(Bits((2, 3)), 4, 5, gibbs_steps=2, burn_in=5),
    "eonade": lambda: EoNADE(Bits((2, 3)), hidden=(8, 6), ensemble=3),
    "charrnn": lambda: CharRNN(Tokens(3, 4), 5, 2, skips=True),
    "charrnn-gru": lambda: CharRNN(Tokens(4, 5, end=2), 5, 1, "gru", dropout=0.2),
    "charrnn-elman": lambda: CharRNN(Tokens(3, 4), 5, 2, "elman"),
    "transformer": lambda: Transformer(Tokens(3, 4), 8, 2, 2),
    "transformer-end": lambda: Transformer(Tokens(4, 5, end=0), 8, 1, 2, dropout=0.2),
    "kneserney": lambda: counted(KneserNey(Tokens(3, 4), 4)),
    "kneserney-plain": lambda: counted(KneserNey(Tokens(4, 4, end=0), 2, modified=False)),
    "skipgram": lambda: SkipGram(Classes(5), width=3, negatives=2),
    "seq2seq": lambda: Seq2Seq(Tokens(3, 4, 0), Tokens(4, 5, 2), width=6, embedding=4),
    "seq2seq-attention": lambda: Seq2Seq(Tokens(3, 4, 0), Tokens(4, 5, 2), 6, 4, attention=5),
    "seq2seq-endless": lambda: Seq2Seq(Tokens(3, 3), Tokens(4, 5), 6, 4, attention=5),
    "encoder-decoder": lambda: EncoderDecoder(Tokens(3, 4, 0), Tokens(4, 5, 2), 8, 2, 2),
    "pixelrnn": lambda: PixelRNN(Bits((1, 2, 3)), 4, 2, "diagonal", 3),
    "pixelrnn-row": lambda: PixelRNN(Bits((1, 3, 2)), 4, 2, "row", 3),
    "pixelrnn-colours": lambda: PixelRNN(Pixels((2, 2, 1), 3), 4, 1, "diagonal", 3),
    "pixelrnn-multiscale": lambda: MultiscalePixelRNN(Bits((1, 2, 4)), 2, 4, 1, "diagonal", 3, 3),
    "pixelcnn": lambda: PixelCNN(Bits((1, 3, 3)), 1, 4, 3, 4),
    "pixelcnn-colour": lambda: PixelCNN(Pixels((3, 1, 3), 2), 1, 6, 3, 18),
    "pixelcnnpp": lambda: PixelCNNPP(Bits((1, 2, 3)), 3, 2, 1),
    "pixelcnnpp-bits": lambda: PixelCNNPP(Bits((3, 2, 1)), 4, 1, 1),
    "pixelcnnpp-colour": lambda: PixelCNNPP(Pixels((3, 2, 1), 2), 3, 2, 1, 3, 0.5),
    "gatedpixelcnn": lambda: GatedPixelCNN(Bits((1, 3, 3)), 2, 4, 3, 3, 4),
    "gatedpixelcnn-colour": lambda: GatedPixelCNN(Pixels((3, 2, 1), 3), 2, 6, 3, 3, 18),
    "gatedpixelcnn-classes": lambda: GatedPixelCNN(
        Pixels((1, 2, 3), 3), 1, 4, 5, 3, 4, context_space=Classes(3), embed=Labels(3), context=3
    ),
    "stroke-prediction": lambda: StrokePrediction(Strokes(4), 6, 2, 3),
    "handwriting": lambda: HandwritingSynthesis(Strokes(4), Tokens(3, 4, 0), 6, 2, 3, 2),
    "image-transformer": lambda: ImageTransformer(Bits((1, 3, 2)), 8, 2, 2, window=1),
    "image-transformer-levels": lambda: ImageTransformer(
        Pixels((1, 2, 2), 3), 8, 1, 2, window=0, dropout=0.2
    ),
    "image-transformer-colour": lambda: ImageTransformer(Pixels((2, 2, 1), 3), 8, 1, 2, window=2),
    "image-transformer-classes": lambda: ImageTransformer(
        Bits((1, 2, 3)), 8, 1, 2, window=1, context_space=Classes(3), embed=Labels(3), context=3
    ),
    "pixelsnail": lambda: PixelSNAIL(Bits((1, 3, 2)), 8, 2, 1, 8, 2),
    "pixelsnail-levels": lambda: PixelSNAIL(Pixels((1, 2, 2), 3), 8, 1, 2, 4, 2, dropout=0.2),
    "pixelsnail-colour": lambda: PixelSNAIL(Pixels((3, 1, 2), 2), 8, 1, 1, 4, 2),
    "pixelsnail-logistics": lambda: PixelSNAIL(Pixels((2, 1, 2), 3), 8, 1, 1, 8, 1, mixture=2),
    "pixelsnail-classes": lambda: PixelSNAIL(
        Bits((1, 2, 3)), 8, 1, 1, 8, 2, context_space=Classes(3), embed=Labels(3), context=3
    ),
    "gan": lambda: GAN(
        Reals((2,)), MLP(3, 2, (8,)), MLP(2, 1, (8,)), 3, least_squares, (Penalty(r1, 2.0),), 2
    ),
    "gan-sngan": lambda: GAN(
        Pixels((1, 8, 8), 17),
        ResNetGenerator(3, (1, 8, 8), 4),
        ResNetCritic((1, 8, 8), 4),
        3,
        hinge,
    ),
    "gan-r3gan": lambda: GAN(
        Pixels((1, 8, 8), 17),
        R3GANGenerator(3, (1, 8, 8), 4, 1, group=2),
        R3GANCritic((1, 8, 8), 4, 1, group=2),
        3,
        relativistic,
        (Penalty(r1, 1.0), Penalty(r2, 1.0)),
    ),
    "gan-pixels": lambda: GAN(Pixels((2,), 5), MLP(3, 2), MLP(2, 1), 3),
    "gan-given": lambda: GAN(
        Reals((2,)),
        GivenGenerator(MLP(4, 2), Labels(2)),
        ProjectionCritic(MLP(2, 4), 4, Labels(2), 2),
        2,
        non_saturating,
        [Penalty(r1, 0.5, every=2)],
        context_space=Classes(2),
    ),
    "gan-beside": lambda: GAN(
        Pixels((1, 2, 2), 5),
        GivenGenerator(MLP(5, 4), Labels(2)),
        BesideCritic(ConvEncoder((3, 2, 2), 1, 2), Labels(2)),
        3,
        context_space=Classes(2),
    ),
    "acgan": lambda: ACGAN(Reals((2,)), 2, GivenGenerator(MLP(4, 2), Labels(2)), MLP(2, 3), 2, 0.5),
    "amgan": lambda: AMGAN(
        Reals((2,)), 2, GivenGenerator(MLP(4, 2), Labels(2)), MLP(2, 3), 2, dynamic=True
    ),
    "biggan": lambda: BigGAN(Pixels((1, 4, 4), 5), 2, 4, 3, 3, 2, 2, 1, 1e-2),
    "artgan": lambda: ArtGAN(
        Reals((2,)),
        2,
        GivenGenerator(MLP(4, 2), Labels(2)),
        RedrawingCritic(MLP(2, 4), MLP(4, 2, ()), MLP(4, 2, ())),
        2,
        0.5,
    ),
    "gan-views": lambda: GAN(
        Pixels((1, 4, 4), 5),
        MLP(3, 16),
        ConvEncoder((2, 4, 4), 1, 3),
        3,
        packing=2,
        view=Views((AdaptiveAugment(start=0.5, images=30), InstanceNoise(0.5, 3))),
    ),
    "unrolledgan": lambda: UnrolledGAN(
        Reals((2,)), MLP(3, 2, (8,)), MLP(2, 1, (8,)), 3, steps=2, rate=0.3
    ),
    "ebgan": lambda: GAN(
        Pixels((3,), 5),
        MLP(2, 3, (8,)),
        Reconstruction(MLP(3, 2), MLP(2, 3)),
        2,
        EnergyMargin(2.0),
        (Penalty(pulling_away, 0.5, player="generator"),),
    ),
    "began": lambda: BEGAN(Pixels((3,), 5), MLP(2, 3), Reconstruction(MLP(3, 2), MLP(2, 3), 1), 2),
    "began-reals": lambda: BEGAN(
        Reals((3,)), MLP(2, 3), Reconstruction(MLP(3, 2), MLP(2, 3)), 2, gamma=0.7, rate=0.1
    ),
    "bsgan": lambda: BSGAN(Bits((4,)), MLP(3, 4), MLP(4, 1), 3, samples=5),
    "bsgan-tokens": lambda: BSGAN(Tokens(3, 2), MLP(3, 6), MLP(6, 1), 3, samples=4),
    "gogan": lambda: GoGAN(
        Reals((2,)), MLP(3, 2), MLP(2, 1), 3, 3, 2, 0.7, penalties=(Penalty(drift, 2.0),), bound=2.0
    ),
    "dcgan": lambda: DCGAN(Pixels((1, 8, 8), 17), latent=3, width=4, coarsest=2),
    "dcgan-padded": lambda: DCGAN(Pixels((2, 9, 11), 5), latent=3, width=4),
    "adagan": lambda: AdaGAN(
        GAN(Reals((2,)), MLP(3, 2, (8,)), MLP(2, 1, (8,)), 3), MLP(2, 1, (8,)), 2, rounds=3
    ),
    "mixture-of-gans": lambda: GeneratorMixture(
        [GAN(Reals((2,)), MLP(3, 2, (8,)), MLP(2, 1, (8,)), 3) for _ in range(2)], (0.3, 0.7)
    ),
    "bayesian-gan": lambda: BayesianGAN(
        Reals((2,)),
        [MLP(3, 2, (8,)) for _ in range(3)],
        [MLP(2, 1, (8,)) for _ in range(2)],
        3,
        rows=100,
    ),
    "implicit": lambda: HierarchicalImplicitModel(
        Reals((2,)),
        NetworkSimulator(MLP(4, 2, (8,)), 1, noise=1),
        MLP(5, 1, (8,)),
        1,
        MLP(5, 1, (8,)),
        1,
        shared=2,
        rows=9,
    ),
    "implicit-shared": lambda: HierarchicalImplicitModel(
        Reals((2,)), MLP(3, 2), MLP(5, 1, (8,)), shared=3
    ),
    "implicit-latent": lambda: HierarchicalImplicitModel(
        Reals((2,)),
        NetworkSimulator(MLP(3, 2), 2, noise=1),
        MLP(4, 1, (8,)),
        2,
        MLP(4, 2, (8,)),
        2,
        critic_rounds=2,
    ),
    "bayesian-gan-pixels": lambda: BayesianGAN(Pixels((2,), 5), [MLP(3, 2)], [MLP(2, 1)], 3, 100),
    "infogan": lambda: InfoGAN(
        Reals((2,)), MLP(9, 2, (8,)), MLP(2, 8, (8,)), MLP(8, 1, ()), MLP(8, 7, (8,)), 2, (3, 2), 2
    ),
    "infogan-classes": lambda: InfoGAN(
        Pixels((4,), 5), MLP(5, 4), MLP(4, 6), MLP(6, 1), MLP(6, 3), 2, (3,), 0
    ),
    "infogan-values": lambda: InfoGAN(
        Reals((2,)), MLP(2, 2), MLP(2, 6), MLP(6, 1), MLP(6, 4), 0, (), 2, learnt_std=True
    ),
    "catgan": lambda: CatGAN(Reals((2,)), MLP(3, 2, (8,)), MLP(2, 3, (8,)), 3, 3),
    "catgan-labels": lambda: CatGAN(Pixels((2,), 5), MLP(3, 2), MLP(2, 3), 3, 3, alpha=2.0),
    "improved-gan": lambda: ImprovedGAN(
        Reals((2,)), MLP(3, 2, (8,)), NoisyMLP(2, 3, (8, 8)), 3, 3, weight=0.7
    ),
    "improved-gan-minibatch": lambda: ImprovedGAN(
        Pixels((1, 2, 2), 5), MLP(3, 4), NoisyMLP(4, 3, (8,), kernels=4), 3, 3, game=non_saturating
    ),
    "vae": lambda: VAE(Bits((3,)), 2, MLP(3, 4, (8,)), MLP(2, 3, (8,))),
    "vae-mixture": lambda: VAE(
        Bits((3,)), 2, MLP(3, 4, (8,)), MLP(2, 3, (8,)), prior=MixturePrior(2, 3)
    ),
    "vae-vamp": lambda: VAE(
        Bits((3,)), 2, MLP(3, 4, (8,)), MLP(2, 3, (8,)), prior=VampPrior(Bits((3,)), 4)
    ),
    "vae-vamp-pixels": lambda: VAE(
        Pixels((1, 2, 2), 3),
        2,
        MLP(4, 4, (8,)),
        MLP(2, 8, (8,)),
        prior=VampPrior(Pixels((1, 2, 2), 3), 3),
    ),
    "vae-flow": lambda: VAE(
        Bits((3,)),
        2,
        MLP(3, 4, (8,)),
        MLP(2, 3, (8,)),
        prior=Flow(Reals((2,)), [Autoregressive(2, Spline(4), (8,))]),
        beta=0.5,
    ),
    "autoencoder": lambda: Autoencoder(
        Bits((3,)), 2, MLP(3, 2, (8,)), MLP(2, 3, (8,)), corruption=0.2
    ),
    "autoencoder-pixels": lambda: Autoencoder(Pixels((1, 2, 2), 3), 2, corruption=0.1),
    "conditional-vae": lambda: ConditionalVAE(
        Bits((3,)), Classes(3), Labels(3), 3, 2, MLP(6, 4, (8,)), MLP(5, 3, (8,)), MLP(3, 4, (8,))
    ),
    "conditional-vae-alpha": lambda: ConditionalVAE(
        Pixels((1, 2, 2), 3), Classes(2), Labels(2), 2, 2, alpha=0.7
    ),
    "colouriser": lambda: Colouriser(Reals((2, 3, 2)), 2, 2, 2, 4),
    "gumbel-vae": lambda: GumbelVAE(Bits((3,)), 2, 3, MLP(3, 6, (8,)), MLP(6, 3, (8,)), anneal=3),
    "gumbel-vae-straight": lambda: GumbelVAE(
        Reals((2,)), 2, 2, MLP(2, 4, (8,)), MLP(4, 2, (8,)), straight=True
    ),
    "m2": lambda: M2(Bits((3,)), 2, 2, (8,)),
    "m2-pixels": lambda: M2(Pixels((1, 2, 2), 3), 3, 2, (8,)),
    "vae-iaf": lambda: VAE(
        Bits((3,)), 2, MLP(3, 7, (8,)), MLP(2, 3, (8,)), flow=IAF(2, (6,), 2, 3), warm_up=3
    ),
    "vae-free": lambda: VAE(Bits((3,)), 2, MLP(3, 4, (8,)), MLP(2, 3, (8,)), free=0.1),
    "iwae-iaf": lambda: IWAE(
        Bits((3,)),
        2,
        MLP(3, 6, (8,)),
        MLP(2, 3, (8,)),
        flow=IAF(2, (6,), 1, 2),
        k=2,
        doubly=False,
    ),
    "iwae": lambda: IWAE(Bits((3,)), 2, MLP(3, 4, (8,)), MLP(2, 3, (8,)), k=3),
    "iwae-plain": lambda: IWAE(
        Reals((2,)),
        2,
        MLP(2, 4, (8,)),
        MLP(2, 2, (8,)),
        prior=MixturePrior(2, 2),
        k=2,
        doubly=False,
    ),
    "ladder": lambda: LadderVAE(Bits((3,)), (2, 1), (8, 6), 1, free=0.1, warm_up=3),
    "ladder-bottom-up": lambda: LadderVAE(
        Reals((2,)), (2, 2), (8, 8), 1, inference="bottom-up", k=3
    ),
    "ladder-pixels": lambda: LadderVAE(Pixels((1, 2, 2), 3), (2, 2, 1), (8, 8, 4), 1, 0.1, k=2),
    "hierarchical": lambda: HierarchicalVAE(
        Bits((1, 2, 2)), ((1,), (1, 1)), (4, 4), (1, 1), 1, free=0.1, warm_up=3
    ),
    "hierarchical-pixels": lambda: HierarchicalVAE(
        Pixels((1, 4, 3), 3), ((), (2,)), (4, 4), (1, 1), 1, 0.1
    ),
    "hierarchical-reals": lambda: HierarchicalVAE(Reals((1, 2, 1)), ((1,),), (4,), (1,), 2),
    "draw": lambda: DRAW(Bits((1, 2, 2)), 2, 1, 3, 2, 2),
    "draw-plain": lambda: DRAW(Bits((1, 2, 3)), 3, 2, 4, None, None),
    "draw-pixels": lambda: DRAW(Pixels((2, 1, 2), 3), 2, 1, 3, 1, None),
    "draw-reals": lambda: DRAW(Reals((1, 2, 1)), 2, 1, 3, None, 2),
    "vqvae": lambda: VQVAE(Pixels((1, 5, 6), 5), 4, 3, 4, 1, 1),
    "vqvae-learned": lambda: VQVAE(Bits((1, 3, 3)), 3, 2, 4, 1, 1, learned=True, restart=0.0),
    "vqvae-normal": lambda: VQVAE(
        Reals((1, 4, 4)), 3, 2, 4, 1, 0, Normal(0.5), MADE(Tokens(3, 4), (8,))
    ),
    "vqvae-made": lambda: VQVAE(Bits((2, 4, 4)), 3, 2, 4, 1, 0, prior=MADE(Tokens(3, 4), (8,))),
    "vae-tc": lambda: VAE(
        Bits((3,)), 2, MLP(3, 4, (8,)), MLP(2, 3, (8,)), penalty=TotalCorrelation(3.0), free=0.1
    ),
    "vae-mmd": lambda: VAE(Reals((2,)), 2, MLP(2, 4, (8,)), MLP(2, 2, (8,)), penalty=MMD()),
    "factor-vae": lambda: FactorVAE(
        Bits((3,)), 2, MLP(3, 4, (8,)), MLP(2, 3, (8,)), warm_up=3, hidden=(8,)
    ),
    "vae-reals": lambda: VAE(Reals((2,)), 2, MLP(2, 4, (8,)), MLP(2, 2, (8,))),
    "vae-fixed": lambda: VAE(Reals((2,)), 1, MLP(2, 2), MLP(1, 2), Normal(0.5, learned=False)),
    "vae-pixels": lambda: VAE(Pixels((1, 2, 2), 3), 2, MLP(4, 4, (8,)), MLP(2, 8, (8,))),
    "vae-logistics": lambda: VAE(
        Pixels((1, 2, 2), 3), 2, MLP(4, 4, (8,)), MLP(2, 24, (8,)), LogisticMixture(3, 2)
    ),
    "vae-conv": lambda: VAE(
        Pixels((1, 6, 7), 17), 2, ConvEncoder((1, 6, 7), 4, 3), ConvDecoder(2, (2, 6, 7), 3)
    ),
    "ddpm": lambda: DDPM(TimeMLP(2, 8, 1), Reals((2,)), steps=6),
    "ddpm-pixels": lambda: DDPM(
        UNet(1, 4, (1, 2)), Pixels((1, 5, 6), 17), steps=8, sampler=DDIM(3, eta=0.5)
    ),
    "ddpm-learned": lambda: DDPM(
        TimeMLP(2, 8, 1, parts=2), Reals((2,)), steps=6, variance=None, objective=Hybrid()
    ),
    "ddpm-bound": lambda: DDPM(
        UNet(1, 4, (1, 2), parts=2),
        Pixels((1, 5, 6), 17),
        steps=8,
        variance=None,
        sampler=Ancestral(4),
        objective=Bound(),
    ),
    "diffusion": lambda: Diffusion(TimeMLP(2, 8, 1), Reals((2,)), sampler=DDIM(3)),
    "diffusion-coupled": lambda: Diffusion(
        TimeMLP(2, 8, 1),
        Reals((2,)),
        Straight(),
        Slope(),
        DDIM(3),
        EvenLogSNR(),
        MinSNR(),
        optimal_transport,
    ),
    "consistency": lambda: ConsistencyModel(TimeMLP(2, 8, 1), Reals((2,)), Straight(), times=6),
    "consistency-distilled": lambda: ConsistencyModel(
        UNet(1, 4, (1, 2)),
        Pixels((1, 5, 6), 17),
        LinearVE(),
        Diffusion(UNet(1, 4, (1, 2)), Pixels((1, 5, 6), 17), LinearVE(), Preconditioned()),
        times=5,
        bound=0.1,
        evaluations=2,
    ),
    "diffusion-edm": lambda: Diffusion(
        UNet(1, 4, (1, 2)),
        Pixels((1, 5, 6), 17),
        LinearVE(),
        Preconditioned(),
        DDIM(3, 0.5, Karras()),
        LogNormal(),
    ),
    "diffusion-given": lambda: Diffusion(
        TimeMLP(2, 8, 1, context=3),
        Reals((2,)),
        Straight(),
        Slope(),
        DDIM(3),
        context_space=Classes(3),
        embed=Labels(3),
    ),
    "discrete-diffusion": lambda: DiscreteDiffusion(
        TimeTransformer(4, 3, 3, 8, 1, 2), Tokens(3, 3), steps=5
    ),
    "discrete-diffusion-multinomial": lambda: DiscreteDiffusion(
        TimeTokens(3, 4, 3, 8, 1, 0.3),
        Pixels((1, 2, 2), 3),
        8,
        Multinomial(),
        quarter_circle,
        evaluations=3,
    ),
    "discrete-diffusion-bits": lambda: DiscreteDiffusion(
        TimeTokens(3, 3, 2, 8, 1), Bits((3,)), steps=4
    ),
    "guided": lambda: Guided(
        Diffusion(
            TimeMLP(2, 8, 1, context=3),
            Reals((2,)),
            sampler=DDIM(3),
            context_space=Classes(3),
            embed=Labels(3),
        ),
        2.0,
        (0.1, 0.9),
    ),
    "guided-pixels": lambda: Guided(
        Diffusion(
            UNet(1, 4, (1, 2), context=3),
            Pixels((1, 5, 6), 17),
            sampler=DDIM(3),
            context_space=Classes(3),
            embed=Labels(3),
        )
    ),
    "classifier-guided": lambda: ClassifierGuided(
        Diffusion(UNet(1, 4, (1, 2)), Pixels((1, 5, 6), 17), sampler=DDIM(3)),
        TimeEncoder(1, 3, 4, (1, 2), dropout=0.2),
        3,
        2.0,
        (0.0, 0.9),
    ),
    "latent-diffusion": lambda: LatentDiffusion(
        VAE(Pixels((1, 2, 2), 3), 2, MLP(4, 4, (8,)), MLP(2, 8, (8,))),
        Diffusion(TimeMLP(2, 8, 1), Reals((2,)), sampler=DDIM(3)),
    ),
    "latent-diffusion-bits": lambda: LatentDiffusion(
        VAE(Bits((3,)), 2, MLP(3, 4, (8,)), MLP(2, 3, (8,))),
        DDPM(TimeMLP(2, 8, 1), Reals((2,)), steps=6, schedule=LinearSchedule()),
    ),
    "latent-diffusion-reals": lambda: LatentDiffusion(
        RealNVP(Reals((3,)), couplings=4, width=16),
        Diffusion(TimeMLP(3, 8, 1), Reals((3,)), sampler=DDIM(3)),
    ),
    "probability-flow": lambda: ProbabilityFlow(
        Diffusion(ConcatSquash(2, 8), Reals((2,)), Cosine(0.2), sampler=Heun(5)), RK4(8)
    ),
    "probability-flow-adaptive": lambda: ProbabilityFlow(
        Diffusion(ConcatSquash(2, 8), Reals((2,)), Cosine(0.2), sampler=UniPC(4)),
        DormandPrince(1e-8, 1e-8),
    ),
    "probability-flow-probed": lambda: ProbabilityFlow(
        Diffusion(ConcatSquash(2, 8), Pixels((2,), 5), VP(first=0.1), sampler=DPMSolver(3)),
        RK4(20),
        probes=2,
    ),
    "flow": lambda: Flow(
        Reals((3,)), [Standard((3,)), Coupling(3, hidden=(8,)), LU(3), Coupling(3, flip=True)]
    ),
    "flow-autoregressive": lambda: Flow(Reals((3,)), [Autoregressive(3, Spline(4), (8,))]),
    "flow-inverse": lambda: Flow(
        Reals((3,)), [Inverse(Autoregressive(3, hidden=(8,), flip=True)), LU(3)]
    ),
    "flow-residual": lambda: Flow(
        Reals((2,)), [Residual(2, (8,)), LU(2), Residual(2, (8, 8), 0.5, roulette=False)]
    ),
    "flow-continuous": lambda: Flow(Reals((2,)), [Continuous(ConcatSquash(2, 8), RK4(16))]),
    "flow-continuous-alone": lambda: Flow(
        Reals((2,)),
        [Continuous(ConcatSquash(2, 8), DormandPrince(1e-9, 1e-9, True), 0, "recompute")],
    ),
    "flow-planar": lambda: Flow(Reals((2,)), [Planar(2), Radial(2), Permutation(2)]),
    "flow-based": lambda: Flow(
        Reals((2,)), [Coupling(2)], GaussianMixture(Reals((2,)), components=3, tolerance=-1)
    ),
    "flow-image": lambda: Flow(Reals((1, 2, 2)), [Standard((1, 2, 2), learned=True)]),
    "conditional-flow": lambda: Flow(
        Reals((3,)),
        [Standard((3,)), Coupling(3, hidden=(8,), context=3), Coupling(3, flip=True, context=3)],
        context_space=Classes(3),
        embed=Labels(3),
    ),
    "conditional-flow-autoregressive": lambda: Flow(
        Reals((2,)),
        [Autoregressive(2, Spline(4), (8,), context=4)],
        GaussianMixture(Reals((2,)), components=3, tolerance=-1),
        context_space=Reals((3,)),
        embed=MLP(3, 4, ()),
    ),
    "conditional-flow-based": lambda: Flow(
        Reals((2,)),
        [LU(2), Coupling(2, hidden=(8,), context=2)],
        Flow(
            Reals((2,)),
            [Autoregressive(2, hidden=(8,), context=3)],
            context_space=Classes(3),
            embed=Labels(3),
        ),
        context_space=Classes(3),
        embed=Labels(3, 2),
    ),
    "conditional-flow-continuous": lambda: Flow(
        Reals((2,)),
        [Standard((2,)), Continuous(ConcatSquash(2, 8, context=3), RK4(16), 0, "adjoint")],
        context_space=Classes(3),
        embed=Labels(3),
    ),
    "glow": lambda: Flow(Reals((1, 4, 4)), [Glow((1, 4, 4), levels=2, depth=1, width=4)]),
    "glow-classes": lambda: Flow(
        Reals((1, 2, 2)),
        [Glow((1, 2, 2), 1, 1, 4, context=3)],
        context_space=Classes(3),
        embed=Labels(3),
    ),
    "dequantiser": lambda: Dequantised(
        Flow(Reals((1, 2, 2)), [Glow((1, 2, 2), 1, 1, 4)]),
        Pixels((1, 2, 2), 3),
        1e-3,
        Dequantiser([Squeezed([ConvCoupling(4, width=4, context=8)])], ResNet(1, 2, 4, 0)),
    ),
    "dequantiser-classes": lambda: Dequantised(
        Flow(Reals((2,)), [Coupling(2, context=3)], context_space=Classes(3), embed=Labels(3)),
        Pixels((2,), 4),
        1e-3,
        Dequantiser([Coupling(2, context=2), Coupling(2, flip=True)], Flat()),
    ),
    "idf": lambda: IDF(Pixels((1, 2, 2), 4), scales=1, couplings=2, width=4, components=2),
    "idf-levels": lambda: IDF(Pixels((1, 4, 4), 5), 2, 1, 4, 2),
    "realnvp": lambda: RealNVP(Reals((3,)), couplings=4, width=16),
    "realnvp-images": lambda: RealNVP(Reals((1, 4, 4)), couplings=2, width=4, depth=1),
    "realnvp-pixels": lambda: Dequantised(
        RealNVP(Reals((2,)), couplings=2, width=8, depth=1), Pixels((2,), 4), squeeze=1e-3
    ),
    "pointflow": lambda: PointFlow(
        Reals((2, 2)),
        2,
        [Coupling(2, hidden=(8,), flip=bool(i), context=2) for i in range(2)],
        PointNet(2, 4, 8, (8,), ()),
        Flow(Reals((2,)), [Coupling(2, hidden=(8,))]),
    ),
    "pointflow-normal": lambda: PointFlow(
        Reals((3, 2)),
        1,
        [Coupling(2, Spline(4), (8,), context=1)],
        PointNet(2, 2, 8, (), (8,)),
        scored=2,
    ),
    "graphrnn": lambda: GraphRNN(Graphs(4), 2, 6, 4, 2, 5, 3, 2),
    "graphrnn-s": lambda: GraphRNNS(Graphs(4), None, 6, 4, 2),
    "dgmg": lambda: DGMG(Graphs(4), 4, 2),
    "unordered": lambda: Unordered(DGMG(Graphs(3), 4, 1), 0.2),
    "pix2pix": lambda: Pix2Pix(Pixels((1, 6, 8), 17), Reals((2, 6, 8)), width=3),
    "pix2pix-alone": lambda: Pix2Pix(Pixels((1, 4, 4), 5), Pixels((1, 4, 4), 3), 3, game=False),
    "bicyclegan": lambda: BicycleGAN(Pixels((1, 8, 8), 17), Reals((2, 8, 8)), 2, 3),
    "bicyclegan-input": lambda: BicycleGAN(
        Pixels((2, 4, 5), 5), Pixels((1, 4, 5), 3), 3, 2, "input", conditional=True
    ),
    "frankengan": lambda: FrankenGAN(
        [
            BicycleGAN(Pixels((1, 4, 4), 5), Reals((2, 4, 4)), 2, 2),
            BicycleGAN(Pixels((2, 4, 4), 5), Pixels((1, 4, 4), 5), 2, 3, "input"),
        ]
    ),
}


def build(make):
    """A tiny model of float64, its parameters away from where they start."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.default_generator.manual_seed(0)
    model = make()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))
    torch.set_default_dtype(before)
    return model.eval()
